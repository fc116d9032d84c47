//! Body of a read: in parts, and complete or an error.

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, try_unfold};

use crate::error::{ErrorKind, StoreError};
use verbatim_text::error_chain;

/// Size of the whole object and of the body. `None` if the answer lacks them.
pub(super) fn sizes(answer: &GetObjectOutput) -> Option<Sizes> {
    let sent = u64::try_from(answer.content_length()?).ok()?;
    let whole = match answer.content_range() {
        // Such as `bytes 0-99/1234`.
        Some(range) => Some(range.rsplit_once('/')?.1.parse().ok()?),
        None => None,
    };
    Some(Sizes { whole, sent })
}

/// Sizes in bytes.
pub(super) struct Sizes {
    /// Size of the object if the body is a part of it.
    pub(super) whole: Option<u64>,
    /// Size of the body.
    pub(super) sent: u64,
}

struct BodyReader {
    body: ByteStream,
    left: u64,
    /// The failed operation, such as `failed to read s3://bucket/key`.
    what: String,
}

/// The body as a stream of `size` bytes. A body that ends early has an error as its last item.
pub(super) fn body(
    body: ByteStream,
    size: u64,
    what: String,
) -> BoxStream<'static, Result<Bytes, StoreError>> {
    let reader = BodyReader { body, left: size, what };
    try_unfold(reader, |mut reader| async move {
        let broken = |why: String| StoreError::new(ErrorKind::Unavailable, format!("{}: {why}", reader.what));
        match reader.body.next().await {
            Some(Ok(part)) => {
                let Some(left) = reader.left.checked_sub(part.len() as u64) else {
                    return Err(broken("the body is longer than announced".to_owned()));
                };
                reader.left = left;
                Ok(Some((part, reader)))
            }
            Some(Err(error)) => Err(broken(format!("the body broke off: {}", error_chain(&error)))),
            None if reader.left > 0 => Err(broken(format!("the body ended {} bytes early", reader.left))),
            None => Ok(None),
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &'static [u8], size: u64) -> Vec<Result<Bytes, StoreError>> {
        body(ByteStream::from_static(bytes), size, "failed to read".into()).collect().await
    }

    #[tokio::test]
    async fn a_short_body_is_an_error() {
        let parts = read(b"hello", 6).await;
        assert_eq!(parts.last().unwrap().as_ref().unwrap_err().kind, ErrorKind::Unavailable);
        let parts = read(b"hello", 4).await;
        assert!(parts.last().unwrap().is_err());
        let parts = read(b"hello", 5).await;
        assert!(parts.iter().all(Result::is_ok));
        assert!(read(b"", 0).await.iter().all(Result::is_ok));
    }
}
