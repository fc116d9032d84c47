//! A body that resumes after an interruption, always from the same version of the object.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{BoxStream, try_unfold};

use super::policy::Tries;
use super::shared::Shared;
use crate::error::{ErrorKind, StoreError};
use crate::object::{ETag, Object, Read};

type Parts = BoxStream<'static, Result<Bytes, StoreError>>;

struct Reading {
    shared: Arc<Shared>,
    key: String,
    etag: ETag,
    /// Range still to read, in bytes of the object.
    rest: Range<u64>,
    parts: Parts,
    /// Attempts since the last byte arrived.
    tries: Option<Tries>,
}

/// The bytes of `range`, of which `parts` are the first. A change of the object meanwhile is
/// [`ErrorKind::PreconditionFailed`].
pub(super) fn body(shared: Arc<Shared>, object: &Object, range: Option<Range<u64>>, parts: Parts) -> Parts {
    let range = range.unwrap_or(0..object.size);
    let rest = range.start..range.end.min(object.size).max(range.start);
    let reading =
        Reading { shared, key: object.key.clone(), etag: object.etag.clone(), rest, parts, tries: None };
    try_unfold(reading, |mut reading| async move {
        let part = reading.next().await?;
        Ok(part.map(|part| (part, reading)))
    })
    .boxed()
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        loop {
            let error = match self.parts.next().await {
                Some(Ok(part)) if part.is_empty() => continue,
                Some(Ok(part)) => {
                    self.rest.start += part.len() as u64;
                    self.tries = None;
                    return Ok(Some(part));
                }
                None if self.rest.is_empty() => return Ok(None),
                None => {
                    let address = self.shared.inner.address(&self.key);
                    StoreError::new(ErrorKind::Unavailable, format!("the body of {address} ended early"))
                }
                // All bytes arrived, and something is wrong with them, such as a checksum: a retry here
                // cannot fix it.
                Some(Err(error)) if self.rest.is_empty() => return Err(error),
                Some(Err(error)) => error,
            };
            let tries = self.tries.get_or_insert_with(|| self.shared.tries());
            self.shared.pause(tries, error).await?;
            let read = Read { if_match: Some(self.etag.clone()), range: Some(self.rest.clone()) };
            self.parts = self.shared.get(tries, &self.key, &read).await?.body;
        }
    }
}
