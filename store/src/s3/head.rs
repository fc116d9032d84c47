//! HEAD requests, and what their answers share with those of reads.

use std::collections::HashMap;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::DateTime;
use futures::{StreamExt, stream};

use super::classify::S3Operation;
use super::store::S3Store;
use crate::error::{ErrorKind, StoreError};
use crate::object::{Download, ETag, Metadata, Object, Read};

impl S3Store {
    /// The reason for a failed HEAD, whose answers have no body: a GET of one byte returns it.
    async fn head_failure(&self, key: &str, refused: StoreError) -> StoreError {
        let request = self.client.get_object().bucket(&self.config.bucket).key(key).range("bytes=0-0");
        match request.set_request_payer(self.payer()).send().await {
            Ok(_) => refused,
            Err(error) if error.code().is_some() => self.store_error(S3Operation::Head, key, &error),
            Err(_) => refused,
        }
    }

    /// Result of a read beyond the object's end: the object, and an empty body.
    pub(super) async fn empty_download(&self, key: &str, read: &Read) -> Result<Download, StoreError> {
        let object = self.head_if(key, read.if_match.as_ref()).await?;
        Ok(Download { object, body: stream::empty().boxed() })
    }

    pub(super) async fn head_if(&self, key: &str, version: Option<&ETag>) -> Result<Object, StoreError> {
        let request = self
            .client
            .head_object()
            .bucket(&self.config.bucket)
            .key(key)
            .set_if_match(version.map(|tag| tag.as_str().to_owned()))
            .set_request_payer(self.payer());
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let status = error.raw_response().map(|response| response.status().as_u16());
                let refused = self.store_error(S3Operation::Head, key, &error);
                let known = matches!(refused.kind, ErrorKind::ClockSkew | ErrorKind::WrongRegion);
                return Err(match status {
                    Some(400 | 403) if !known => self.head_failure(key, refused).await,
                    _ => refused,
                });
            }
        };
        let size = answer.content_length().and_then(|size| u64::try_from(size).ok());
        let headers =
            ObjectHeaders { etag: answer.e_tag, modified: answer.last_modified, metadata: answer.metadata };
        self.object(S3Operation::Head, key, size, headers)
    }

    pub(super) fn object(
        &self,
        operation: S3Operation,
        key: &str,
        size: Option<u64>,
        headers: ObjectHeaders,
    ) -> Result<Object, StoreError> {
        let (Some(size), Some(etag)) = (size, headers.etag) else {
            return Err(self.invalid_answer(
                operation,
                key,
                ErrorKind::Invalid,
                "the answer lacks a size or an ETag",
            ));
        };
        Ok(Object {
            key: key.to_owned(),
            size,
            etag: ETag::new(etag),
            modified: headers.modified.and_then(|time| time.try_into().ok()),
            metadata: headers.metadata.map(Metadata::from_iter).unwrap_or_default(),
        })
    }
}

/// Headers that all answers about an object share.
pub(super) struct ObjectHeaders {
    pub(super) etag: Option<String>,
    pub(super) modified: Option<DateTime>,
    pub(super) metadata: Option<HashMap<String, String>>,
}
