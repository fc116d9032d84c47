//! Keys that are hard to encode in a URL or a listing, and listings in pages.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use verbatim_store::{ObjectStore, Page, Put, StoreError};

use super::server::{read, start, store, text};

/// Keys that a server on a file system can hold.
pub(crate) const HOSTILE: [&str; 14] = [
    "plain.wav",
    "with space.wav",
    "plus+plus.wav",
    "100%25.wav",
    "100%.wav",
    "a&b=c?d#e;f.wav",
    "quote\"'`<>.wav",
    "grüße/日本語/🎧.wav",
    "e\u{301}.wav",
    "~tilde!*().wav",
    "colon:at@comma,dollar$.wav",
    "back\\slash.wav",
    "[brackets]{braces}|.wav",
    "tab\tand\u{7f}.wav",
];

/// Writes, finds, lists, reads and deletes an object of each key.
pub(crate) async fn round_trip(store: &dyn ObjectStore, keys: &[&str]) {
    for key in keys {
        let tag = store.put(key, Put::new(key.to_string(), "audio/wav")).await.unwrap();
        let head = store.head(key).await.unwrap();
        assert_eq!((head.key.as_str(), head.size, &head.etag), (*key, key.len() as u64, &tag));
        assert_eq!(read(store, key).await, key.as_bytes(), "{key:?}");
    }
    let listed = all(store, "", 3).await.unwrap();
    let wanted: BTreeSet<_> = keys.iter().map(|key| key.to_string()).collect();
    assert_eq!(listed, Vec::from_iter(wanted), "each once, in the order of bytes");
    for key in keys {
        let page = store.list(key, None, 10).await.unwrap();
        assert!(page.objects.iter().any(|object| object.key == *key), "{key:?} as a prefix");
        store.delete(key).await.unwrap();
        assert!(store.head(key).await.unwrap_err().is_not_found());
        store.delete(key).await.unwrap();
    }
    assert_eq!(store.list("", None, 10).await.unwrap(), Page::default());
}

/// All keys below a prefix, in pages.
pub(crate) async fn all(
    store: &dyn ObjectStore,
    prefix: &str,
    limit: usize,
) -> Result<Vec<String>, StoreError> {
    let mut keys: Vec<String> = Vec::new();
    loop {
        let page = store.list(prefix, keys.last().map(String::as_str), limit).await?;
        assert!(page.objects.len() <= limit);
        keys.extend(page.objects.into_iter().map(|object| object.key));
        if !page.more {
            return Ok(keys);
        }
    }
}

#[tokio::test]
async fn hostile_keys_come_back_as_they_are() {
    let server = start();
    round_trip(&*store(&server).await, &HOSTILE).await;
}

#[tokio::test]
async fn a_listing_in_pages_has_each_key_once() {
    let server = start();
    let store = store(&server).await;
    let keys: Vec<String> =
        (0..2500).map(|n| format!("{}/{n:05}.wav", if n < 2100 { "in" } else { "out" })).collect();
    stream::iter(&keys)
        .map(|key| store.put(key, text("x")))
        .buffer_unordered(16)
        .try_collect::<Vec<_>>()
        .await
        .unwrap();

    assert_eq!(all(&*store, "", 1000).await.unwrap(), keys);
    assert_eq!(all(&*store, "in/", 700).await.unwrap(), keys[..2100]);
    assert_eq!(all(&*store, "out/024", 100_000).await.unwrap(), keys[2400..]);

    let page = store.list("in/", Some("in/00099.wav"), 5).await.unwrap();
    let five: Vec<_> = page.objects.iter().map(|object| object.key.clone()).collect();
    assert_eq!((five.as_slice(), page.more), (&keys[100..105], true));
    // After a missing key, and after one before the prefix.
    assert_eq!(store.list("in/", Some("in/00099.x"), 1).await.unwrap().objects[0].key, keys[100]);
    assert_eq!(store.list("in/", Some("a"), 1).await.unwrap().objects[0].key, keys[0]);
    let last = store.list("in/", Some(&keys[2098]), 5).await.unwrap();
    assert_eq!((last.objects.len(), last.more), (1, false));
    assert_eq!(store.list("none/", None, 5).await.unwrap(), Page::default());
}

#[tokio::test]
async fn a_folder_of_no_bytes_is_an_object() {
    let server = start();
    let store = store(&server).await;
    store.put("calls/", text("")).await.unwrap();
    store.put("calls/a.wav", text("a")).await.unwrap();
    assert_eq!(store.head("calls/").await.unwrap().size, 0);
    assert!(read(&*store, "calls/").await.is_empty());
    assert_eq!(all(&*store, "calls/", 1).await.unwrap(), ["calls/", "calls/a.wav"]);
}
