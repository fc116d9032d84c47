//! What goes into a store and comes out of it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::time::SystemTime;

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};

use crate::error::StoreError;

/// A version of an object, as the store gives it, quotation marks included. Compared, never looked into.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ETag(String);

impl ETag {
    /// A tag in the store's own writing.
    pub fn new(tag: impl Into<String>) -> Self {
        Self(tag.into())
    }

    /// The tag in the store's own writing.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Facts that are kept with an object. Names in lower case; values are printable ASCII, as HTTP headers are.
pub type Metadata = BTreeMap<String, String>;

/// What is known of an object without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its version.
    pub etag: ETag,
    /// When it was written, by the store's clock.
    pub modified: Option<SystemTime>,
    /// What is kept with it. Empty in listings: stores do not tell it there.
    pub metadata: Metadata,
}

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Objects, in the order of their keys' bytes.
    pub objects: Vec<Object>,
    /// Whether there are more. The next page comes after the last key of this one.
    pub more: bool,
}

/// How an object is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Only this version.
    pub if_match: Option<ETag>,
    /// Only these bytes.
    pub range: Option<Range<u64>>,
}

/// An object that is being read.
pub struct Download {
    /// What is known of it. With a range, `size` is still that of the whole object.
    pub object: Object,
    /// Its bytes as they come.
    pub body: BoxStream<'static, Result<Bytes, StoreError>>,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("object", &self.object).finish_non_exhaustive()
    }
}

impl Download {
    /// Reads the rest into memory: for objects that are known to be small.
    ///
    /// # Errors
    /// What happened in the middle.
    pub async fn bytes(self) -> Result<Bytes, StoreError> {
        let mut body = self.body;
        let Some(first) = body.next().await.transpose()? else { return Ok(Bytes::new()) };
        let Some(second) = body.next().await.transpose()? else { return Ok(first) };
        let mut all = Vec::with_capacity(usize::try_from(self.object.size).unwrap_or_default());
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        while let Some(more) = body.try_next().await? {
            all.extend_from_slice(&more);
        }
        Ok(all.into())
    }
}

/// Under which condition an object is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// In any case.
    #[default]
    Always,
    /// Only where there is none of this key (`If-None-Match: *`).
    Absent,
    /// Only over this version (`If-Match`).
    Matches(ETag),
}

/// The bytes of an object that is written. Cheap to clone, so that a write can be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// In memory.
    Bytes(Bytes),
    /// In a file, which must not change meanwhile.
    File(PathBuf),
}

/// An object that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// Its bytes.
    pub body: Body,
    /// Under which condition.
    pub condition: Condition,
    /// Its media type, as `application/json`.
    pub content_type: &'static str,
    /// What is kept with it.
    pub metadata: Metadata,
}

impl Put {
    /// An object of these bytes, in any case, without metadata.
    pub fn new(bytes: impl Into<Bytes>, content_type: &'static str) -> Self {
        Self {
            body: Body::Bytes(bytes.into()),
            condition: Condition::Always,
            content_type,
            metadata: Metadata::new(),
        }
    }

    /// The same under a condition.
    #[must_use]
    pub fn when(self, condition: Condition) -> Self {
        Self { condition, ..self }
    }

    /// The same with metadata.
    #[must_use]
    pub fn with(self, metadata: Metadata) -> Self {
        Self { metadata, ..self }
    }
}
