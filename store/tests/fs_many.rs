//! Listing many files: a page costs what it holds, and not what the folder does.

use std::fs;
use std::time::{Duration, Instant};

use verbatim_store::{FsStore, ObjectStore, PAGE};

const FILES: usize = 100_000;

/// Lists all by full pages. Gives how many there were, and the time.
async fn list(store: &FsStore) -> (usize, Duration) {
    let begun = Instant::now();
    let (mut count, mut last) = (0, None::<String>);
    loop {
        let page = store.list("", last.as_deref(), PAGE).await.unwrap();
        assert!(page.objects.is_sorted_by(|one, next| one.key < next.key));
        assert!(last < page.objects.first().map(|object| object.key.clone()));
        count += page.objects.len();
        last = page.objects.last().map(|object| object.key.clone());
        if !page.more {
            return (count, begun.elapsed());
        }
    }
}

async fn with_files(name: impl Fn(usize) -> String) -> (usize, Duration) {
    let folder = tempfile::tempdir().unwrap();
    let mut made = std::path::PathBuf::new();
    for number in 0..FILES {
        let path = folder.path().join(name(number));
        let above = path.parent().unwrap();
        if above != made {
            fs::create_dir_all(above).unwrap();
            made = above.to_owned();
        }
        fs::File::create(path).unwrap();
    }
    list(&FsStore::new(folder.path()).unwrap()).await
}

/// Some times what it takes where it was measured (0.4 and 2 seconds), so that only another order of growth fails it.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_hundred_thousand_files_in_folders() {
    let (count, time) =
        with_files(|number| format!("{:02}/{:02}/{number}.wav", number / 10_000, number / 100 % 100)).await;
    println!("{count} files in folders: {time:?}");
    assert!(count == FILES && time < PATIENCE, "{time:?}");
}

#[tokio::test]
async fn a_hundred_thousand_files_in_one_folder() {
    let (count, time) = with_files(|number| format!("{number}.wav")).await;
    println!("{count} files in one folder: {time:?}");
    assert!(count == FILES && time < PATIENCE, "{time:?}");
}
