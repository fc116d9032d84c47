//! Arguments and results of a store's operations.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::time::SystemTime;

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};

use crate::error::StoreError;

/// Version of an object as the store returns it, quotation marks included. Opaque: compared, never parsed.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ETag(String);

impl ETag {
    /// An ETag in the store's own notation.
    pub fn new(tag: impl Into<String>) -> Self {
        Self(tag.into())
    }

    /// The ETag in the store's own notation.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// User metadata of an object. Names are lower case; values are printable ASCII, as in HTTP headers.
pub type Metadata = BTreeMap<String, String>;

/// An object without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Key.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    /// Version.
    pub etag: ETag,
    /// Time of the last write, by the store's clock.
    pub modified: Option<SystemTime>,
    /// User metadata. Empty in listings: stores do not return it there.
    pub metadata: Metadata,
}

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Objects, in byte order of their keys.
    pub objects: Vec<Object>,
    /// Whether more objects follow. The next page starts after the last key of this one.
    pub more: bool,
}

/// Options of a read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Read only this version.
    pub if_match: Option<ETag>,
    /// Read only these bytes.
    pub range: Option<Range<u64>>,
}

/// A read in progress.
pub struct Download {
    /// The object. With a range, `size` is still that of the whole object.
    pub object: Object,
    /// The bytes, as they arrive.
    pub body: BoxStream<'static, Result<Bytes, StoreError>>,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("object", &self.object).finish_non_exhaustive()
    }
}

impl Download {
    /// Reads the body into memory; for objects known to be small.
    ///
    /// # Errors
    /// The error that ended the body.
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

/// Condition of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Unconditional.
    #[default]
    Always,
    /// Only if the key does not exist (`If-None-Match: *`).
    Absent,
    /// Only if the object has this version (`If-Match`).
    Matches(ETag),
}

/// Bytes to write. Cheap to clone, so that a write can be retried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A file, which must not change during the write.
    File(PathBuf),
}

/// A write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// Bytes.
    pub body: Body,
    /// Condition.
    pub condition: Condition,
    /// Media type, such as `application/json`.
    pub content_type: &'static str,
    /// User metadata.
    pub metadata: Metadata,
}

impl Put {
    /// An unconditional write of these bytes, without metadata.
    pub fn new(bytes: impl Into<Bytes>, content_type: &'static str) -> Self {
        Self {
            body: Body::Bytes(bytes.into()),
            condition: Condition::Always,
            content_type,
            metadata: Metadata::new(),
        }
    }

    /// Adds a condition.
    #[must_use]
    pub fn when(self, condition: Condition) -> Self {
        Self { condition, ..self }
    }

    /// Adds metadata.
    #[must_use]
    pub fn with(self, metadata: Metadata) -> Self {
        Self { metadata, ..self }
    }
}
