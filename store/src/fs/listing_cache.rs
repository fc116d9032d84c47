//! Cache of the names of a large folder that did not fit on a page, for the next page. Without it, each page
//! would read the whole folder again.
//!
//! An entry is used only if reading the folder again would give the same names: the folder has not changed
//! since, and was unchanged for a while before it was read, so that a change within one clock tick cannot go
//! unnoticed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::object_store::PAGE_SIZE;

/// Names, smallest first. A heap: a page needs the few smallest of perhaps a hundred thousand.
pub(super) type Names = BinaryHeap<Reverse<String>>;

/// Longer than a clock tick of any file system with sub-second timestamps, and than the clock difference of
/// synchronised machines.
const SETTLE_TIME: Duration = Duration::from_secs(3);

/// Names that did not fit on the last page of a large folder. One entry: the next page of one replaces it.
#[derive(Debug, Default)]
pub(super) struct ListingCache(Mutex<Option<(ListingPosition, Names)>>);

/// Identity of the cached names: the folder, its modification time, and the listing's position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListingPosition {
    folder: (u64, u64),
    changed: (i64, i64),
    at: String,
    prefix: String,
    after: String,
}

impl ListingPosition {
    /// The position in the folder at `at`, for names with this prefix after this key; `None` if the folder
    /// changed just now.
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

    /// The same position after another key.
    pub(super) fn after(self, after: &str) -> Self {
        Self { after: after.to_owned(), ..self }
    }
}

impl ListingCache {
    /// Removes and returns the names if they are those of this position.
    pub(super) fn take(&self, position: &ListingPosition) -> Option<Names> {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.take_if(|(kept, _)| kept == position).map(|(_, names)| names)
    }

    /// Stores the names if they are more than a page.
    pub(super) fn store(&self, position: ListingPosition, names: Names) {
        if names.len() > PAGE_SIZE {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((position, names));
        }
    }
}
