//! Requirements on every store. `conformance!` makes a test of each requirement for one store.

#![allow(unreachable_pub)]

use std::any::Any;
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, future};
use verbatim_store::{Body, Condition, ETag, ErrorKind, Object, ObjectStore, Put, Read};

/// A store under test, a prefix of its own for the test, and whatever has to live as long.
pub struct Fixture {
    /// The store.
    pub store: Arc<dyn ObjectStore>,
    /// Prefix of all keys of the test: empty, or ending in `/`.
    pub prefix: String,
    /// Whatever the store needs: a folder, a server.
    #[expect(dead_code, reason = "held until the test ends")]
    pub keep: Box<dyn Any + Send>,
}

/// Makes a test of each requirement. `$fixture` is an async function without arguments that returns a
/// [`Fixture`].
#[macro_export]
macro_rules! conformance {
    ($fixture:path) => {
        $crate::conformance!($fixture;
            reads_back, replaces, creates_once, replaces_a_version, deletes, reads_ranges, reads_a_version,
            keeps_metadata, streams_large_bodies, writes_files, gives_each_write_a_tag, lists_in_order,
            lists_by_pages, one_of_racing_creates_wins, one_of_racing_replaces_wins, loses_no_update,
            takes_odd_keys
        );
    };
    ($fixture:path; $($case:ident),+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                let fixture = $fixture().await;
                $crate::conformance::$case(&fixture.store, &fixture.prefix).await;
            }
        )+
    };
}

/// Any store.
pub type Store = Arc<dyn ObjectStore>;

fn text(body: &str) -> Put {
    Put::new(body.to_owned(), "text/plain")
}

async fn read(store: &Store, key: &str) -> Bytes {
    store.get(key, Read::default()).await.unwrap().bytes().await.unwrap()
}

async fn part(store: &Store, key: &str, range: std::ops::Range<u64>) -> Bytes {
    let read = Read { range: Some(range), ..Read::default() };
    store.get(key, read).await.unwrap().bytes().await.unwrap()
}

/// All objects, by pages of `limit`.
pub async fn all(store: &Store, prefix: &str, limit: usize) -> Vec<Object> {
    let mut found: Vec<Object> = Vec::new();
    loop {
        let after = found.last().map(|object| object.key.clone());
        let page = store.list(prefix, after.as_deref(), limit).await.unwrap();
        assert!(page.objects.len() <= limit);
        // An empty page that announces more objects would cause an endless loop.
        assert!(!page.more || !page.objects.is_empty());
        found.extend(page.objects);
        if !page.more {
            return found;
        }
    }
}

pub async fn reads_back(store: &Store, prefix: &str) {
    let key = format!("{prefix}a/b.txt");
    assert_eq!(store.head(&key).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(store.get(&key, Read::default()).await.unwrap_err().kind, ErrorKind::NotFound);
    let etag = store.put(&key, text("hello")).await.unwrap();
    let head = store.head(&key).await.unwrap();
    assert_eq!((head.key.as_str(), head.size, &head.etag), (key.as_str(), 5, &etag));
    assert!(head.modified.is_some());
    let got = store.get(&key, Read::default()).await.unwrap();
    assert_eq!(got.object, head);
    assert_eq!(got.bytes().await.unwrap(), "hello");
    store.put(&key, text("")).await.unwrap();
    assert_eq!(read(store, &key).await, "");
    assert!(store.address(&key).ends_with(&key));
}

pub async fn replaces(store: &Store, prefix: &str) {
    let key = format!("{prefix}x");
    let first = store.put(&key, text("one")).await.unwrap();
    let second = store.put(&key, text("two!")).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(read(store, &key).await, "two!");
    assert_eq!(all(store, &key, 10).await.len(), 1);
}

pub async fn creates_once(store: &Store, prefix: &str) {
    let key = format!("{prefix}x");
    let etag = store.put(&key, text("one").when(Condition::Absent)).await.unwrap();
    let error = store.put(&key, text("two").when(Condition::Absent)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PreconditionFailed);
    assert!(!error.is_unclear());
    assert_eq!(read(store, &key).await, "one");
    assert_eq!(store.head(&key).await.unwrap().etag, etag);
    store.delete(&key).await.unwrap();
    store.put(&key, text("three").when(Condition::Absent)).await.unwrap();
    assert_eq!(read(store, &key).await, "three");
}

pub async fn replaces_a_version(store: &Store, prefix: &str) {
    let key = format!("{prefix}x");
    let first = store.put(&key, text("one")).await.unwrap();
    let second = store.put(&key, text("two").when(Condition::Matches(first.clone()))).await.unwrap();
    for stale in [first, ETag::new("\"0123456789abcdef0123456789abcdef\"")] {
        let error = store.put(&key, text("three").when(Condition::Matches(stale))).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::PreconditionFailed);
        assert_eq!(read(store, &key).await, "two");
    }
    store.delete(&key).await.unwrap();
    // Some stores report a missing object, others a failed precondition.
    let error = store.put(&key, text("three").when(Condition::Matches(second))).await.unwrap_err();
    assert!(error.is_precondition_failed() || error.is_not_found(), "{error:?}");
    assert_eq!(store.head(&key).await.unwrap_err().kind, ErrorKind::NotFound);
}

pub async fn deletes(store: &Store, prefix: &str) {
    let key = format!("{prefix}a/x");
    store.delete(&key).await.unwrap();
    store.put(&key, text("one")).await.unwrap();
    store.delete(&key).await.unwrap();
    store.delete(&key).await.unwrap();
    assert_eq!(store.head(&key).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(all(store, prefix, 10).await, []);
}

pub async fn reads_ranges(store: &Store, prefix: &str) {
    let key = format!("{prefix}x");
    store.put(&key, text("0123456789")).await.unwrap();
    assert_eq!(part(store, &key, 2..5).await, "234");
    assert_eq!(part(store, &key, 0..10).await, "0123456789");
    assert_eq!(part(store, &key, 8..99).await, "89");
    let read = Read { range: Some(3..4), ..Read::default() };
    assert_eq!(store.get(&key, read).await.unwrap().object.size, 10);
}

pub async fn reads_a_version(store: &Store, prefix: &str) {
    let key = format!("{prefix}x");
    let first = store.put(&key, text("one")).await.unwrap();
    let this = |etag: &ETag| Read { if_match: Some(etag.clone()), ..Read::default() };
    assert_eq!(store.get(&key, this(&first)).await.unwrap().bytes().await.unwrap(), "one");
    let second = store.put(&key, text("two")).await.unwrap();
    let error = store.get(&key, this(&first)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PreconditionFailed);
    assert_eq!(store.get(&key, this(&second)).await.unwrap().bytes().await.unwrap(), "two");
}

pub async fn keeps_metadata(store: &Store, prefix: &str) {
    let facts =
        |value: &str| [("source-etag", value), ("config", "c0ffee")].map(|(k, v)| (k.into(), v.into()));
    let key = format!("{prefix}x");
    store.put(&key, text("one").with(facts("\"1\"").into())).await.unwrap();
    assert_eq!(store.head(&key).await.unwrap().metadata, facts("\"1\"").into());
    let got = store.get(&key, Read::default()).await.unwrap();
    assert_eq!(got.object.metadata, facts("\"1\"").into());
    store.put(&key, text("one").with(facts("\"2\"").into())).await.unwrap();
    assert_eq!(store.head(&key).await.unwrap().metadata, facts("\"2\"").into());
    let listed = all(store, prefix, 10).await;
    assert!(listed.len() == 1 && listed[0].metadata.is_empty(), "{listed:?}");
    // A failed write does not change the metadata.
    let other = text("two").with(facts("\"3\"").into()).when(Condition::Absent);
    store.put(&key, other).await.unwrap_err();
    assert_eq!(store.head(&key).await.unwrap().metadata, facts("\"2\"").into());
    store.put(&key, text("one")).await.unwrap();
    assert!(store.head(&key).await.unwrap().metadata.is_empty());
}

pub async fn streams_large_bodies(store: &Store, prefix: &str) {
    let key = format!("{prefix}x");
    let bytes: Bytes = (0..3_000_017_u32).map(|at| (at * 7 % 251) as u8).collect();
    store.put(&key, Put::new(bytes.clone(), "audio/wav")).await.unwrap();
    let got = store.get(&key, Read::default()).await.unwrap();
    let parts: Vec<Bytes> = got.body.map(Result::unwrap).collect().await;
    assert!(parts.len() > 1 && parts.iter().all(|part| !part.is_empty()));
    assert!(parts.concat() == bytes);
    assert!(part(store, &key, 999_999..2_345_678).await == bytes.slice(999_999..2_345_678));
}

pub async fn writes_files(store: &Store, prefix: &str) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let bytes = b"from a file ".repeat(100_000);
    file.write_all(&bytes).unwrap();
    let key = format!("{prefix}x");
    let put = |body| Put { body, ..text("") };
    store.put(&key, put(Body::File(file.path().to_owned()))).await.unwrap();
    assert!(read(store, &key).await == bytes);
    let missing = put(Body::File(file.path().join("missing")));
    store.put(&format!("{prefix}y"), missing).await.unwrap_err();
    assert_eq!(all(store, prefix, 10).await.len(), 1);
}

/// Even if the bytes are the same: a changed ETag shows a watcher that the writer is alive. (Stores whose
/// ETags are digests of the bytes cannot do this; writers include a counter.)
pub async fn gives_each_write_a_tag(store: &Store, prefix: &str) {
    let key = format!("{prefix}x");
    let mut tags = BTreeSet::new();
    for count in 100..200 {
        let etag = store.put(&key, text(&count.to_string())).await.unwrap();
        assert_eq!(store.head(&key).await.unwrap().etag, etag);
        assert_eq!(all(store, prefix, 10).await[0].etag, etag);
        assert!(tags.insert(etag));
    }
}

/// Names that sort differently if folders are not treated as parts of keys.
const ORDER: [&str; 12] =
    ["a", "a b", "a!/x", "a-b", "a-c/d", "a.wav", "a/b", "a/b.c/d", "a/b/c", "a0", "aa/a", "b"];

async fn fill(store: &Store, prefix: &str) -> Vec<String> {
    let mut keys = Vec::new();
    for (number, name) in ORDER.iter().enumerate() {
        // A folder cannot hold both `a` and `a/b`: every second name goes to another folder.
        let key = format!("{prefix}{}{name}", ["p/", "q/"][number % 2]);
        let blocked = ORDER.iter().any(|other| name.starts_with(&format!("{other}/")));
        let key = if blocked { key.replacen("a/", "z/", 1).replacen("z/b/", "z/c/", 1) } else { key };
        store.put(&key, text(name)).await.unwrap();
        keys.push(key);
    }
    keys.sort();
    keys
}

fn keys(objects: &[Object]) -> Vec<&str> {
    objects.iter().map(|object| object.key.as_str()).collect()
}

pub async fn lists_in_order(store: &Store, prefix: &str) {
    let expected = fill(store, prefix).await;
    for begin in
        ["", "p", "p/", "p/a", "p/a-", "q/z", "q/z/", "q/z/b", "p/aa/a", "p/aa/ab", "x", "q//", "../"]
    {
        let begin = format!("{prefix}{begin}");
        let expected: Vec<_> = expected.iter().filter(|key| key.starts_with(&begin)).collect();
        let found = all(store, &begin, 1000).await;
        assert_eq!(keys(&found), expected, "{begin}");
        for object in found {
            assert_eq!(object.size, object_size(&object.key), "{object:?}");
        }
    }
}

fn object_size(key: &str) -> u64 {
    let name = key.rsplit_once("p/").or_else(|| key.rsplit_once("q/")).unwrap().1;
    name.len() as u64
}

pub async fn lists_by_pages(store: &Store, prefix: &str) {
    let expected = fill(store, prefix).await;
    for limit in [1, 2, 5, expected.len(), 1000] {
        assert_eq!(keys(&all(store, prefix, limit).await), expected, "{limit}");
    }
    let exact = store.list(prefix, None, expected.len()).await.unwrap();
    assert!(!exact.more);
    // The start of a page need not be an existing key.
    for name in
        ["p/a", "p/a/", "p/a-", "p/a-c", "p/aa/", "p/b", "p0", "q/z/b", "q/z/c/", "q", "r", "", "o/x/y"]
    {
        let after = format!("{prefix}{name}");
        let expected: Vec<_> = expected.iter().filter(|key| **key > after).collect();
        let page = store.list(prefix, Some(&after), 1000).await.unwrap();
        assert_eq!(keys(&page.objects), expected, "after {after}");
        let page = store.list(&format!("{prefix}q/"), Some(&after), 1).await.unwrap();
        let first = expected.iter().find(|key| key.starts_with(&format!("{prefix}q/")));
        assert_eq!(keys(&page.objects).first().copied(), first.map(|key| key.as_str()), "after {after}");
    }
}

/// Number of writers that race for one version.
const RACERS: usize = 12;

/// Whether a racer won. A store may ask the losers to retry.
async fn won(store: &Store, key: &str, racer: usize, condition: Condition) -> Option<ETag> {
    loop {
        match store.put(key, text(&format!("racer {racer:02}")).when(condition.clone())).await {
            Ok(etag) => return Some(etag),
            Err(error) if error.kind == ErrorKind::Conflict => {}
            Err(error) if error.is_precondition_failed() => return None,
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn race(store: &Store, key: &str, condition: &Condition) -> ETag {
    let racers = (0..RACERS).map(|racer| {
        let (store, key, condition) = (Arc::clone(store), key.to_owned(), condition.clone());
        tokio::spawn(async move { won(&store, &key, racer, condition).await })
    });
    let outcomes: Vec<_> = future::join_all(racers).await.into_iter().map(Result::unwrap).collect();
    let winners: Vec<_> = (0..RACERS).filter(|racer| outcomes[*racer].is_some()).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(read(store, key).await, format!("racer {:02}", winners[0]));
    outcomes[winners[0]].clone().unwrap()
}

pub async fn one_of_racing_creates_wins(store: &Store, prefix: &str) {
    for round in 0..10 {
        race(store, &format!("{prefix}{round}"), &Condition::Absent).await;
    }
}

pub async fn one_of_racing_replaces_wins(store: &Store, prefix: &str) {
    for round in 0..10 {
        let key = format!("{prefix}{round}");
        let etag = store.put(&key, text("begin")).await.unwrap();
        let etag = race(store, &key, &Condition::Matches(etag)).await;
        assert_eq!(store.head(&key).await.unwrap().etag, etag);
    }
}

/// Increments the number in an object `times` times, while others do the same.
pub async fn count(store: &Store, key: &str, times: usize) {
    for _ in 0..times {
        loop {
            let got = store.get(key, Read::default()).await.unwrap();
            let etag = got.object.etag.clone();
            let number: usize = std::str::from_utf8(&got.bytes().await.unwrap()).unwrap().parse().unwrap();
            let put = text(&(number + 1).to_string()).when(Condition::Matches(etag));
            match store.put(key, put).await {
                Ok(_) => break,
                Err(error) if error.is_precondition_failed() || error.kind == ErrorKind::Conflict => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

pub async fn loses_no_update(store: &Store, prefix: &str) {
    let key = format!("{prefix}counter");
    store.put(&key, text("100")).await.unwrap();
    let writers = (0..4).map(|_| {
        let (store, key) = (Arc::clone(store), key.clone());
        tokio::spawn(async move { count(&store, &key, 20).await })
    });
    for writer in future::join_all(writers).await {
        writer.unwrap();
    }
    assert_eq!(read(store, &key).await, "180");
}

pub async fn takes_odd_keys(store: &Store, prefix: &str) {
    let long = "n".repeat(255);
    let mut expected = Vec::new();
    for name in ["ä ö/日本.wav", "a+b&c=d?e#f%20g", "-rf *", "...", "\"q\"", ".hidden/x", "x.json/y", &long]
    {
        let key = format!("{prefix}{name}");
        store.put(&key, text(name).with([("of".into(), "it".into())].into())).await.unwrap();
        assert_eq!(read(store, &key).await, name.to_owned());
        assert_eq!(store.head(&key).await.unwrap().metadata["of"], "it");
        expected.push(key);
    }
    expected.sort();
    assert_eq!(keys(&all(store, prefix, 3).await), expected);
}
