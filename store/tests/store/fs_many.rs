//! Listings of many files: the cost of a page depends on the page, not on the folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use verbatim_store::{FsStore, Object, ObjectStore, PAGE_SIZE};

const FILES: usize = 100_000;

/// Lists everything by full pages. Returns the number of objects and the time.
async fn list(store: &FsStore) -> (usize, Duration) {
    let begun = Instant::now();
    let (mut count, mut last) = (0, None::<String>);
    loop {
        let page = store.list("", last.as_deref(), PAGE_SIZE).await.unwrap();
        assert!(page.objects.is_sorted_by(|one, next| one.key < next.key));
        assert!(last < page.objects.first().map(|object| object.key.clone()));
        count += page.objects.len();
        last = page.objects.last().map(|object| object.key.clone());
        if !page.more {
            return (count, begun.elapsed());
        }
    }
}

/// Sets the folder's modification time to a minute ago.
fn settle(folder: &Path) {
    fs::File::open(folder).unwrap().set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
}

async fn with_files(name: impl Fn(usize) -> String) -> (usize, Duration) {
    let folder = tempfile::tempdir().unwrap();
    let mut made = folder.path().to_owned();
    for number in 0..FILES {
        let path = folder.path().join(name(number));
        let above = path.parent().unwrap();
        if above != made {
            fs::create_dir_all(above).unwrap();
            made = above.to_owned();
        }
        fs::File::create(path).unwrap();
    }
    settle(folder.path());
    list(&FsStore::new(folder.path()).unwrap()).await
}

/// Several times the measured duration (0.4 and 0.7 s; 5 s if each page reads the whole folder).
const TIME_LIMIT: Duration = Duration::from_secs(4);

#[tokio::test]
#[ignore = "a measurement: a busy disk needs a minute to create and remove the files"]
async fn a_hundred_thousand_files_in_folders() {
    let (count, time) =
        with_files(|number| format!("{:02}/{:02}/{number}.wav", number / 10_000, number / 100 % 100)).await;
    println!("{count} files in folders: {time:?}");
    assert!(count == FILES && time < TIME_LIMIT, "{time:?}");
}

#[tokio::test]
#[ignore = "a measurement: a busy disk needs a minute to create and remove the files"]
async fn a_hundred_thousand_files_in_one_folder() {
    let (count, time) = with_files(|number| format!("{number}.wav")).await;
    println!("{count} files in one folder: {time:?}");
    assert!(count == FILES && time < TIME_LIMIT, "{time:?}");
}

fn keys(objects: &[Object]) -> Vec<String> {
    objects.iter().map(|object| object.key.clone()).collect()
}

#[tokio::test]
async fn a_page_after_a_change_is_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let store = FsStore::new(folder.path()).unwrap();
    let write = |name: &str| fs::write(folder.path().join(name), "x").unwrap();
    // Files, and folders, so that a page may end inside a folder.
    let mut expected = BTreeSet::new();
    for number in 0..3000 {
        if number % 100 == 0 {
            fs::create_dir(folder.path().join(format!("{number:04}"))).unwrap();
            for file in ["a", "b", "c"] {
                expected.insert(format!("{number:04}/{file}"));
            }
        } else {
            expected.insert(format!("{number:04}"));
        }
    }
    expected.iter().for_each(|name| write(name));
    for limit in [1000, 199, 203, 13] {
        settle(folder.path());
        let (mut found, mut last) = (Vec::new(), None::<String>);
        loop {
            let page = store.list("", last.as_deref(), limit).await.unwrap();
            found.extend(keys(&page.objects));
            last = found.last().cloned();
            if limit == 203 {
                // Another listing between the pages of this one.
                assert_eq!(keys(&store.list("", Some("1001"), 2).await.unwrap().objects), ["1002", "1003"]);
            }
            if !page.more {
                break;
            }
        }
        assert!(found.iter().eq(&expected), "{limit}");
    }
    settle(folder.path());
    let page = store.list("", None, 10).await.unwrap();
    let last = page.objects[9].key.clone();
    write("0008-new");
    fs::remove_file(folder.path().join("0009")).unwrap();
    let next = keys(&store.list("", Some(&last), 3).await.unwrap().objects);
    assert_eq!((last.as_str(), next), ("0007", ["0008", "0008-new", "0010"].map(str::to_owned).into()));
}
