//! The names of a large folder that a page of a listing left over, for the next page: without them each page would read
//! the whole folder again.
//!
//! They are used only where reading again would find the same: the folder has not changed since, and had not changed
//! for a while before it was read, so that a change within the same tick of its clock cannot hide.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::PAGE_SIZE;

/// Names, the least first. A heap: a page needs the least few of maybe a hundred thousand.
pub(super) type Names = BinaryHeap<Reverse<String>>;

/// Longer than a tick of any file system's clock but those of whole seconds, and than clocks of machines differ that
/// are kept in time.
const SETTLE_TIME: Duration = Duration::from_secs(3);

/// What one listing left over; the next one that leaves something takes its place.
#[derive(Debug, Default)]
pub(super) struct ListingCache(Mutex<Option<(ListingPosition, Names)>>);

/// What the names are the cache of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListingPosition {
    folder: (u64, u64),
    changed: (i64, i64),
    at: String,
    prefix: String,
    after: String,
}

impl ListingPosition {
    /// The names of the folder at `at`, as it is, that begin and come after these; `None` where it changed just now.
    pub(super) fn new(folder: &Metadata, at: &str, prefix: &str, after: &str) -> Option<Self> {
        let age = SystemTime::now().duration_since(folder.modified().ok()?).ok()?;
        (age > SETTLE_TIME).then(|| Self {
            folder: (folder.dev(), folder.ino()),
            changed: (folder.mtime(), folder.mtime_nsec()),
            at: at.to_owned(),
            prefix: prefix.to_owned(),
            after: after.to_owned(),
        })
    }

    /// The same, after another key.
    pub(super) fn after(self, after: &str) -> Self {
        Self { after: after.to_owned(), ..self }
    }
}

impl ListingCache {
    /// Takes the names out, if they are those.
    pub(super) fn take(&self, position: &ListingPosition) -> Option<Names> {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.take_if(|(kept, _)| kept == position).map(|(_, names)| names)
    }

    /// Keeps names, if they are many.
    pub(super) fn store(&self, position: ListingPosition, names: Names) {
        if names.len() > PAGE_SIZE {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((position, names));
        }
    }
}
