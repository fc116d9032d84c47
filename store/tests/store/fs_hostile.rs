//! Hostile keys, links and folder states, and errors that name the problem.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use verbatim_store::{Condition, ErrorKind, FsStore, ObjectStore, Put, Read, StoreError};

fn text(body: &str) -> Put {
    Put::new(body.to_owned(), "text/plain")
}

/// A root inside a folder that must not change.
fn root() -> (tempfile::TempDir, FsStore) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("root")).unwrap();
    fs::write(folder.path().join("outside.txt"), "outside").unwrap();
    let store = FsStore::new(folder.path().join("root")).unwrap();
    (folder, store)
}

/// Everything below a folder; links are not followed.
fn tree(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(tree(&entry.path()));
        }
        found.insert(entry.path());
    }
    found
}

async fn listed(store: &FsStore, prefix: &str) -> Vec<String> {
    let page = store.list(prefix, None, 1000).await.unwrap();
    assert!(!page.more);
    page.objects.into_iter().map(|object| object.key).collect()
}

async fn each(store: &FsStore, key: &str) -> [Option<StoreError>; 4] {
    [
        store.put(key, text("hostile")).await.err(),
        store.head(key).await.err(),
        store.get(key, Read::default()).await.err(),
        store.delete(key).await.err(),
    ]
}

#[tokio::test]
async fn every_operation_refuses_invalid_keys() {
    let (folder, store) = root();
    let outside = folder.path().join("outside.txt");
    let before = tree(folder.path());
    for key in ["../outside.txt", "/x", "a//b", "a/", "", "a/../../outside.txt", ".verbatim/locks/00", "a\0b"]
        .map(str::to_owned)
        .into_iter()
        .chain([outside.display().to_string(), "n".repeat(256), "n/".repeat(600)])
    {
        for error in each(&store, &key).await {
            let error = error.expect(&key);
            assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
            assert!(error.message.contains("root"), "{error}");
        }
    }
    assert_eq!(tree(folder.path()), before);
    assert_eq!(fs::read_to_string(outside).unwrap(), "outside");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_key_leaves_the_root(key in "(\\.\\.|\\.|/|//|\u{0}|a|outside.txt|~|\\\\){1,8}") {
        let (folder, store) = root();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let put = store.put(&key, text("hostile")).await;
            let outside: BTreeSet<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(outside, ["outside.txt", "root"].map(Into::into).into());
            if put.is_ok() {
                // The key was written as such, and is listed as such.
                assert_eq!(store.get(&key, Read::default()).await.unwrap().bytes().await.unwrap(), "hostile");
                assert_eq!(listed(&store, "").await, [key.as_str()]);
            } else {
                assert!(listed(&store, "").await.is_empty());
            }
            for prefix in [key.as_str(), "../", "/"] {
                for found in listed(&store, prefix).await {
                    assert_eq!(&found, &key);
                }
            }
            let _ = store.delete(&key).await;
        });
        prop_assert_eq!(fs::read_to_string(folder.path().join("outside.txt")).unwrap(), "outside");
    }
}

#[tokio::test]
async fn folders_are_not_objects() {
    let (_folder, store) = root();
    store.put("a/b", text("x")).await.unwrap();
    for condition in [Condition::Always, Condition::Absent] {
        let error = store.put("a", text("x").when(condition)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
    }
    assert_eq!(store.head("a").await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(store.get("a", Read::default()).await.unwrap_err().kind, ErrorKind::NotFound);
    store.delete("a").await.unwrap();
    // Nor are files folders.
    assert_eq!(store.head("a/b/c").await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(store.put("a/b/c", text("x")).await.unwrap_err().kind, ErrorKind::Invalid);
    store.delete("a/b/c").await.unwrap();
    assert_eq!(listed(&store, "").await, ["a/b"]);
}

#[tokio::test]
async fn links_are_followed_by_reads_and_never_by_writes() {
    let (folder, store) = root();
    let outside = folder.path().join("recordings");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("x.wav"), "recording").unwrap();
    symlink(outside.join("x.wav"), store.root().join("file.wav")).unwrap();
    symlink(&outside, store.root().join("folder")).unwrap();
    symlink(store.root().join("nowhere"), store.root().join("broken")).unwrap();
    symlink("itself", store.root().join("itself")).unwrap();
    assert_eq!(listed(&store, "").await, ["file.wav", "folder/x.wav"]);
    for key in ["file.wav", "folder/x.wav"] {
        let got = store.get(key, Read::default()).await.unwrap();
        assert_eq!(got.object, store.head(key).await.unwrap());
        assert_eq!(got.bytes().await.unwrap(), "recording");
    }
    for key in ["broken", "itself", "itself/x"] {
        assert_eq!(store.head(key).await.unwrap_err().kind, ErrorKind::NotFound);
    }
    assert_eq!(store.put("folder/y", text("y")).await.unwrap_err().kind, ErrorKind::Invalid);
    assert_eq!(store.delete("folder/x.wav").await.unwrap_err().kind, ErrorKind::Invalid);
    assert_eq!(store.put("broken", text("y")).await.unwrap_err().kind, ErrorKind::Invalid);
    // A write replaces the link.
    store.put("file.wav", text("written")).await.unwrap();
    assert!(fs::symlink_metadata(store.root().join("file.wav")).unwrap().is_file());
    assert_eq!(tree(&outside), [outside.join("x.wav")].into());
    assert_eq!(fs::read_to_string(outside.join("x.wav")).unwrap(), "recording");
}

#[tokio::test]
async fn a_link_to_a_folder_of_the_root_is_an_alias() {
    let (_folder, store) = root();
    let facts = [("of".to_owned(), "it".to_owned())];
    let etag = store.put("real/x", text("x").with(facts.clone().into())).await.unwrap();
    symlink("real", store.root().join("link")).unwrap();
    assert_eq!(store.head("link/x").await.unwrap().etag, etag);
    assert_eq!(store.head("link/x").await.unwrap().metadata, facts.into());
    let error = store.put("link/x", text("y").when(Condition::Absent)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PreconditionFailed);
    store.put("link/x", text("y").when(Condition::Matches(etag))).await.unwrap();
    assert_eq!(store.get("real/x", Read::default()).await.unwrap().bytes().await.unwrap(), "y");
}

#[tokio::test]
async fn listings_end_in_spite_of_link_loops() {
    let (_folder, store) = root();
    store.put("a/b/x", text("x")).await.unwrap();
    symlink("../..", store.root().join("a/b/up")).unwrap();
    symlink(".", store.root().join("a/here")).unwrap();
    assert_eq!(listed(&store, "").await, ["a/b/x"]);
    assert!(listed(&store, "a/b/up/").await.is_empty());
    // A page may start inside the loop.
    let page = store.list("", Some("a/b/up/a/b/x"), 10).await.unwrap();
    assert_eq!(page.objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["a/b/x"]);
}

#[tokio::test]
async fn own_files_and_temporary_files_are_not_listed() {
    let (_folder, store) = root();
    store.put(".verbatim/uid/plan.json", text("{}").with([("a".into(), "b".into())].into())).await.unwrap();
    fs::write(store.root().join(".verbatim/uid/.verbatim-abc.tmp"), "half").unwrap();
    assert!(store.root().join(".verbatim/locks").is_dir() && store.root().join(".verbatim/meta").is_dir());
    for prefix in ["", ".verbatim/", ".verbatim/m", ".verbatim/meta/", ".verbatim/locks/"] {
        let expected: &[&str] = if prefix.len() < 11 { &[".verbatim/uid/plan.json"] } else { &[] };
        assert_eq!(listed(&store, prefix).await, expected, "{prefix}");
    }
}

#[tokio::test]
async fn metadata_are_removed_with_their_object() {
    let (_folder, store) = root();
    let meta = store.root().join(".verbatim/meta");
    let files = || tree(&meta).into_iter().filter(|path| path.is_file()).count();
    let put = |body: &str| text(body).with([("a".into(), "b".into())].into());
    store.put("x", put("1")).await.unwrap();
    store.put("x", put("2")).await.unwrap();
    store.put("y", put("3")).await.unwrap();
    assert_eq!(files(), 2);
    store.delete("x").await.unwrap();
    store.put("y", put("4").when(Condition::Absent)).await.unwrap_err();
    assert_eq!(files(), 1);
    // Written by another program: another version, without metadata.
    fs::write(store.root().join("y"), "other").unwrap();
    assert!(store.head("y").await.unwrap().metadata.is_empty());
    // Truncated by a power cut.
    store.put("z", put("5")).await.unwrap();
    for path in tree(&meta).into_iter().filter(|path| path.is_file()) {
        fs::write(path, "{\"key\":").unwrap();
    }
    assert!(store.head("z").await.unwrap().metadata.is_empty());
    assert_eq!(store.get("z", Read::default()).await.unwrap().bytes().await.unwrap(), "5");
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = FsStore::new(folder.path().join("missing/root")).unwrap();
    let errors = each(&store, "a/b").await.into_iter().chain([store.list("a/", None, 10).await.err()]);
    for error in errors {
        let error = error.unwrap();
        assert_eq!(error.kind, ErrorKind::NoBucket, "{error}");
        assert!(error.message.contains("missing/root"), "{error}");
    }
    assert!(tree(folder.path()).is_empty());
    store.create().await.unwrap();
    store.create().await.unwrap();
    store.put("a/b", text("x")).await.unwrap();
    assert_eq!(listed(&store, "").await, ["a/b"]);
    let file = FsStore::new(store.root().join("a/b")).unwrap();
    assert_eq!(file.head("x").await.unwrap_err().kind, ErrorKind::NoBucket);
    assert_eq!(file.put("x", text("")).await.unwrap_err().kind, ErrorKind::NoBucket);
    assert_eq!(FsStore::new("").unwrap_err().kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn a_pipe_is_not_an_object_and_does_not_block() {
    let (_folder, store) = root();
    let pipe = store.root().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(store.get("pipe", Read::default()).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(store.put("pipe", text("x")).await.unwrap_err().kind, ErrorKind::Invalid);
    store.delete("pipe").await.unwrap();
    assert!(listed(&store, "").await.is_empty() && pipe.exists());
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_an_error() {
    let (_folder, store) = root();
    store.put("x", Put::new(vec![1; 1 << 20], "audio/wav")).await.unwrap();
    let got = store.get("x", Read::default()).await.unwrap();
    let file = fs::File::options().write(true).open(store.root().join("x")).unwrap();
    file.set_len(700_000).unwrap();
    assert_eq!(got.bytes().await.unwrap_err().kind, ErrorKind::Conflict);
    // Replacing it is not: the reader keeps its version.
    store.put("x", Put::new(vec![2; 1 << 20], "audio/wav")).await.unwrap();
    let got = store.get("x", Read::default()).await.unwrap();
    store.put("x", text("x")).await.unwrap();
    assert_eq!(got.bytes().await.unwrap(), vec![2; 1 << 20]);
}

#[tokio::test]
async fn files_have_the_default_mode() {
    let (_folder, store) = root();
    fs::write(store.root().join("plain"), "x").unwrap();
    store.put("x", text("x")).await.unwrap();
    let mode = |name: &str| fs::metadata(store.root().join(name)).unwrap().mode();
    assert_eq!(mode("x"), mode("plain"));
}

#[tokio::test]
async fn a_read_only_folder_is_named() {
    // A folder of the kernel, in which not even root can create files; containers mount it read-only as well.
    let store = FsStore::new("/sys/kernel").unwrap();
    let error = store.put("x", text("x")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::AccessDenied, "{error}");
    assert!(error.message.contains("/sys/kernel") && !error.is_unclear(), "{error}");
    let error = FsStore::new("/sys/kernel/calls").unwrap().create().await.unwrap_err();
    assert!(error.message.contains("/sys/kernel/calls"), "{error}");
}

#[test]
fn addresses_are_file_urls() {
    assert_eq!(FsStore::new("/data/calls/").unwrap().address("a/b.wav"), "file:///data/calls/a/b.wav");
    assert_eq!(FsStore::new("/").unwrap().address("a"), "file:///a");
    let here = std::env::current_dir().unwrap();
    assert_eq!(FsStore::new("calls").unwrap().address("a"), format!("file://{}/calls/a", here.display()));
}
