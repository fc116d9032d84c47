//! Reads and writes: ranges, versions, metadata, and bodies larger than the memory they may use.

use std::io::Write as _;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use verbatim_store::s3::Checksum;
use verbatim_store::{Body, Condition, ErrorKind, ObjectStore, Put, Read, S3Config};

use super::server::{config, connect, read, start, store, text};

/// Checks ranges and versions, which every store must support.
pub(crate) async fn reads(store: Arc<dyn ObjectStore>) {
    let tag = store.put("a", text("0123456789")).await.unwrap();
    let part = |range| {
        let (store, if_match) = (Arc::clone(&store), Some(tag.clone()));
        async move {
            let download = store.get("a", Read { if_match, range: Some(range) }).await.unwrap();
            assert_eq!(download.object.size, 10, "the whole object's");
            download.bytes().await.unwrap()
        }
    };
    assert_eq!(part(0..1).await, "0");
    assert_eq!(part(3..7).await, "3456");
    assert_eq!(part(7..100).await, "789");
    assert_eq!(part(10..20).await, "");
    assert_eq!(part(4..4).await, "");

    store.put("a", text("changed")).await.unwrap();
    for range in [None, Some(0..4), Some(4..4), Some(100..200)] {
        let error = store.get("a", Read { if_match: Some(tag.clone()), range }).await.unwrap_err();
        assert!(error.is_precondition_failed(), "{error:?}");
    }
    assert!(store.get("none", Read::default()).await.unwrap_err().is_not_found());
    store.put("empty", text("")).await.unwrap();
    assert_eq!(read(&*store, "empty").await, "");
    let some = Read { range: Some(0..10), ..Read::default() };
    assert_eq!(store.get("empty", some).await.unwrap().bytes().await.unwrap(), "");
}

#[tokio::test]
async fn ranges_and_versions() {
    let server = start();
    reads(store(&server).await).await;
}

#[tokio::test]
async fn metadata_stay_with_an_object() {
    let server = start();
    let store = store(&server).await;
    let facts = [("verbatim-source", "s3://recordings/a b.wav"), ("digest", "0123abc")];
    let facts: verbatim_store::object::Metadata =
        facts.map(|(name, value)| (name.into(), value.into())).into();
    let tag = store.put("a", text("a").with(facts.clone())).await.unwrap();
    let head = store.head("a").await.unwrap();
    assert_eq!((&head.metadata, &head.etag), (&facts, &tag));
    assert!(head.modified.is_some());
    let download = store.get("a", Read::default()).await.unwrap();
    assert_eq!((download.object.metadata, download.object.modified), (facts, head.modified));
    let listed = store.list("", None, 1).await.unwrap().objects.remove(0);
    assert_eq!((listed.etag, listed.size), (tag, 1));
}

#[tokio::test]
async fn a_service_may_want_and_give_checksums() {
    let server = start();
    let store = connect(S3Config { checksum: Checksum::WhenSupported, ..config(&server) }).await;
    reads(store).await;
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let server = start();
    let body = Body::File("/nowhere/at/all".into());
    let error = store(&server).await.put("a", Put { body, ..text("") }).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("/nowhere/at/all") && !error.is_unclear(), "{error}");
}

/// Runs in its own process, so that other tests' memory does not count.
#[tokio::test]
async fn a_large_file_needs_little_memory() {
    const ROLE: &str = "VERBATIM_TESTS_LARGE_FILE";
    const NAME: &str = "s3::bodies::a_large_file_needs_little_memory";
    if std::env::var_os(ROLE).is_some() {
        return large_file().await;
    }
    let program = std::env::current_exe().unwrap();
    let run = tokio::task::spawn_blocking(move || {
        std::process::Command::new(program).args(["--exact", NAME]).env(ROLE, "1").output().unwrap()
    });
    let output = run.await.unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

async fn large_file() {
    const MIB: usize = 1 << 20;
    const SIZE: usize = 128 * MIB;
    let server = start();
    let store = store(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    let mut file = std::fs::File::create(&path).unwrap();
    for n in 0..SIZE / MIB {
        file.write_all(&vec![n as u8; MIB]).unwrap();
    }
    // Performs all one-time initialization.
    store.put("small", text("small")).await.unwrap();
    read(&*store, "small").await;
    let before = peak();

    let put = Put { body: Body::File(path), ..text("") }.when(Condition::Absent);
    store.put("large", put).await.unwrap();
    let download = store.get("large", Read::default()).await.unwrap();
    assert_eq!(download.object.size, SIZE as u64);
    let mut at = 0;
    let mut body = download.body;
    while let Some(part) = body.try_next().await.unwrap() {
        assert!(part.iter().enumerate().all(|(n, byte)| *byte == ((at + n) / MIB) as u8));
        at += part.len();
    }
    assert_eq!(at, SIZE);
    assert!(body.next().await.is_none());
    let grown = peak() - before;
    assert!(grown < 32 << 20, "{} MiB", grown >> 20);
}

/// Peak memory of this process, in bytes.
fn peak() -> u64 {
    procfs::process::Process::myself().unwrap().status().unwrap().vmhwm.unwrap() << 10
}
