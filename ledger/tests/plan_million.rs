//! A plan of a million recordings. It has a process of its own, because it asks the kernel for the peak
//! memory of the process.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};
use verbatim_crds::TranscriptionJobSpec;
use verbatim_crds::destination::Format;
use verbatim_crds::source::SourceList;
use verbatim_ledger::keys::Ledger;
use verbatim_ledger::plan::{Listed, Plan, PlanInput, make, read_shard};
use verbatim_ledger::store_location::StoreLocation;
use verbatim_store::{
    Body, Download, ETag, ErrorKind, Object, ObjectStore, PAGE_SIZE, Page, Put, Read, StoreError,
};

const RECORDINGS: u64 = 1_000_000;

/// Every other recording has a transcript.
const TRANSCRIPTS: u64 = RECORDINGS / 2;

/// A store whose listings are generated page by page, and which stores nothing.
#[derive(Debug, Default)]
struct GeneratedStore {
    files: AtomicU64,
    shards: AtomicU64,
    with_transcript: AtomicU64,
}

fn key(prefix: &str, number: u64) -> String {
    if prefix.starts_with("calls/") {
        format!("calls/2026/11/{:03}/call-{number:09}-agent-and-customer.wav", number / 1000 % 1000)
    } else {
        let number = 2 * number;
        format!("out/2026/11/{:03}/call-{number:09}-agent-and-customer.json", number / 1000 % 1000)
    }
}

/// The number in a key, or the start of the listing.
fn next(prefix: &str, after: Option<&str>) -> u64 {
    let Some(after) = after else { return 0 };
    let digits = after.split("call-").nth(1).unwrap().split('-').next().unwrap();
    let number: u64 = digits.parse().unwrap();
    if prefix.starts_with("calls/") { number + 1 } else { number / 2 + 1 }
}

fn object(key: String, number: u64) -> Object {
    Object {
        key,
        size: number * 7919 % 10_000_000,
        etag: ETag::new(format!("\"{:032x}\"", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
        modified: None,
        metadata: Default::default(),
    }
}

fn absent(key: &str) -> StoreError {
    StoreError::new(ErrorKind::NotFound, format!("there is no {key}"))
}

#[async_trait]
impl ObjectStore for GeneratedStore {
    async fn head(&self, key: &str) -> Result<Object, StoreError> {
        Err(absent(key))
    }

    /// The list of all recordings.
    async fn get(&self, _: &str, _: Read) -> Result<Download, StoreError> {
        let part = |page: u64| {
            let numbers = page * 1000..(page + 1) * 1000;
            let line = |number| key("calls/", number)["calls/".len()..].to_owned() + ",en,7\n";
            let head = if page == 0 { "key,language,id\n" } else { "" };
            Ok(Bytes::from(head.to_owned() + &numbers.map(line).collect::<String>()))
        };
        let body = stream::iter((0..RECORDINGS / 1000).map(part)).boxed();
        Ok(Download { object: object("list.csv".to_owned(), 0), body })
    }

    async fn put(&self, _: &str, put: Put) -> Result<ETag, StoreError> {
        let Body::Bytes(bytes) = put.body else { panic!("shards come from memory") };
        let files = read_shard(&bytes).unwrap();
        let with_transcript = files.iter().filter(|file| file.existing.contains_key(&Format::Json)).count();
        self.files.fetch_add(files.len() as u64, Ordering::Relaxed);
        self.with_transcript.fetch_add(with_transcript as u64, Ordering::Relaxed);
        self.shards.fetch_add(1, Ordering::Relaxed);
        Ok(ETag::new("\"1\""))
    }

    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    async fn list(&self, prefix: &str, after: Option<&str>, _: usize) -> Result<Page, StoreError> {
        let all = if prefix.starts_with("calls/") { RECORDINGS } else { TRANSCRIPTS };
        let from = next(prefix, after);
        let to = all.min(from + PAGE_SIZE as u64);
        let objects = (from..to).map(|number| object(key(prefix, number), number)).collect();
        Ok(Page { objects, more: to < all })
    }

    fn address(&self, key: &str) -> String {
        format!("generated://{key}")
    }
}

/// Peak memory of this process in MB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1000
}

async fn list_all(store: &dyn ObjectStore, prefix: &str) -> u64 {
    let (mut after, mut count) = (None, 0);
    loop {
        let page = store.list(prefix, after.as_deref(), PAGE_SIZE).await.unwrap();
        count += page.objects.len() as u64;
        after = page.objects.last().map(|object| object.key.clone());
        if !page.more {
            return count;
        }
    }
}

async fn plan(store: &Arc<GeneratedStore>, spec: &TranscriptionJobSpec) -> Plan {
    let place = |prefix: &str| StoreLocation { store: store.clone(), prefix: prefix.to_owned() };
    let (source, destination) = (place("calls/"), place("out/"));
    let ledger = Ledger::new(destination.clone(), "uid");
    let input = PlanInput { spec, source, destination, lists: store.clone() };
    let progress = Mutex::new(Listed::default());
    let plan = make(&input, &ledger, "me", &|listed| *progress.lock().unwrap() = listed).await.unwrap();
    assert_eq!(*progress.lock().unwrap(), Listed { source: RECORDINGS, destination: TRANSCRIPTS });
    plan
}

#[tokio::test]
async fn a_million_recordings() {
    let begin = Instant::now();
    let store = Arc::new(GeneratedStore::default());
    let listed = (list_all(store.as_ref(), "calls/").await, list_all(store.as_ref(), "out/").await);
    assert_eq!(listed, (RECORDINGS, TRANSCRIPTS));
    let listing = begin.elapsed();

    let found = TranscriptionJobSpec::default();
    let mut named = TranscriptionJobSpec::default();
    named.source.manifest = Some(SourceList { key: "list.csv".to_owned() });
    for (name, spec) in [("found", found), ("named", named)] {
        let store = Arc::new(GeneratedStore::default());
        let before = peak();
        let begin = Instant::now();
        let plan = plan(&store, &spec).await;
        let (making, grown) = (begin.elapsed(), peak() - before);
        println!(
            "{RECORDINGS} recordings, {name}: {making:.1?}, of which listing {listing:.1?}; {grown} MB more"
        );
        assert_eq!((plan.files, plan.shards.len()), (RECORDINGS, 5000));
        assert_eq!(store.files.load(Ordering::Relaxed), RECORDINGS);
        assert_eq!(store.with_transcript.load(Ordering::Relaxed), TRANSCRIPTS);
        assert_eq!(store.shards.load(Ordering::Relaxed), 5000);
        let (heaviest, lightest) = (plan.shards[0].bytes, plan.shards[4999].bytes);
        assert!(heaviest - lightest < 10_000_000, "{heaviest} and {lightest}");
        assert!(making < Duration::from_secs(60) + listing, "{making:?}");
    }
    // Peak of the whole process.
    assert!(peak() < 200, "{} MB", peak());
}
