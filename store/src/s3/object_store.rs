//! The operations of a bucket, a request each.

use async_trait::async_trait;
use aws_sdk_s3::types::{EncodingType, ServerSideEncryption as Encryption};

use super::classify::S3Operation;
use super::config::ServerSideEncryption;
use super::head::ObjectHeaders;
use super::store::S3Store;
use super::{download, listing};
use crate::error::{ErrorKind, StoreError};
use crate::object::{Condition, Download, ETag, Object, Page, Put, Read};
use crate::object_store::{ObjectStore, PAGE_SIZE};

#[async_trait]
impl ObjectStore for S3Store {
    async fn head(&self, key: &str) -> Result<Object, StoreError> {
        self.head_if(key, None).await
    }

    async fn get(&self, key: &str, read: Read) -> Result<Download, StoreError> {
        let range = read.range.clone();
        if range.as_ref().is_some_and(std::ops::Range::is_empty) {
            return self.empty_download(key, &read).await;
        }
        let request = self
            .client
            .get_object()
            .bucket(&self.config.bucket)
            .key(key)
            .set_range(range.as_ref().map(|range| format!("bytes={}-{}", range.start, range.end - 1)))
            .set_if_match(read.if_match.as_ref().map(|tag| tag.as_str().to_owned()))
            .set_request_payer(self.payer());
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let status = error.raw_response().map(|response| response.status().as_u16());
                if status == Some(416) && range.is_some() {
                    return self.empty_download(key, &read).await;
                }
                return Err(self.store_error(S3Operation::Get, key, &error));
            }
        };
        let Some(sizes) = download::sizes(&answer) else {
            return Err(self.invalid_answer(
                S3Operation::Get,
                key,
                ErrorKind::Invalid,
                "the answer lacks a size",
            ));
        };
        let whole = sizes.whole.unwrap_or(sizes.sent);
        if let Some(range) = range {
            let wanted = range.end.min(whole).saturating_sub(range.start);
            if sizes.sent != wanted {
                let what = "the service ignores the requested range";
                return Err(self.invalid_answer(S3Operation::Get, key, ErrorKind::Unsupported, what));
            }
        }
        let headers =
            ObjectHeaders { etag: answer.e_tag, modified: answer.last_modified, metadata: answer.metadata };
        let object = self.object(S3Operation::Get, key, Some(whole), headers)?;
        let what = format!("failed to read {}", self.address(key));
        Ok(Download { object, body: download::body(answer.body, sizes.sent, what) })
    }

    async fn put(&self, key: &str, put: Put) -> Result<ETag, StoreError> {
        let operation = S3Operation::Put { replaces: matches!(put.condition, Condition::Matches(_)) };
        let (encryption, key_id) = match &self.config.server_side_encryption {
            None => (None, None),
            Some(ServerSideEncryption::Aes256) => (Some(Encryption::Aes256), None),
            Some(ServerSideEncryption::Kms { key_id }) => (Some(Encryption::AwsKms), key_id.clone()),
        };
        let request = self
            .client
            .put_object()
            .bucket(&self.config.bucket)
            .key(key)
            .content_type(put.content_type)
            .set_metadata((!put.metadata.is_empty()).then(|| put.metadata.into_iter().collect()))
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(key_id)
            .set_request_payer(self.payer())
            .body(self.bytes(key, put.body).await?);
        let request = match put.condition {
            Condition::Always => request,
            Condition::Absent => request.if_none_match("*"),
            Condition::Matches(version) => request.if_match(version.as_str()),
        };
        let answer = request.send().await.map_err(|error| self.store_error(operation, key, &error))?;
        answer.e_tag.map(ETag::new).ok_or_else(|| {
            self.invalid_answer(operation, key, ErrorKind::Invalid, "the answer lacks an ETag").unclear()
        })
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let request = self.client.delete_object().bucket(&self.config.bucket).key(key);
        match request.set_request_payer(self.payer()).send().await {
            Ok(_) => Ok(()),
            Err(error) => match self.store_error(S3Operation::Delete, key, &error) {
                gone if gone.is_not_found() => Ok(()),
                other => Err(other),
            },
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let limit = limit.clamp(1, PAGE_SIZE);
        let mut token = None;
        loop {
            let request = self
                .client
                .list_objects_v2()
                .bucket(&self.config.bucket)
                .prefix(prefix)
                .set_start_after(after.map(str::to_owned))
                .set_continuation_token(token)
                // At most PAGE_SIZE.
                .max_keys(i32::try_from(limit).unwrap_or(i32::MAX))
                .encoding_type(EncodingType::Url)
                .set_request_payer(self.payer());
            let answer =
                request.send().await.map_err(|error| self.store_error(S3Operation::List, prefix, &error))?;
            let objects = listing::objects(&answer, after).map_err(|error| {
                self.invalid_answer(S3Operation::List, prefix, ErrorKind::Unsupported, &error.to_string())
            })?;
            let more = answer.is_truncated().unwrap_or(false);
            // After many deletions a page may be empty without being the last.
            if more && objects.is_empty() && answer.next_continuation_token().is_some() {
                token = answer.next_continuation_token;
                continue;
            }
            return Ok(Page { objects, more });
        }
    }

    fn address(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.config.bucket)
    }
}
