//! Buckets of S3 and of services that speak its protocol.
//!
//! Each request is made once: retries and time-outs are decorators. What the service answers is sorted into the closed
//! list in `answer`, what happens without an answer in `transport`.

mod classify;
mod client;
mod config;
mod download;
mod error;
mod listing;
mod signing_clock;
mod transport;

use std::fmt;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{EncodingType, RequestPayer, ServerSideEncryption as Encryption};
use futures::{StreamExt, stream};
use verbatim_text::error_chain;

pub use self::config::{Checksum, Credentials, S3Config, ServerSideEncryption};

use self::classify::S3Operation;
use self::error::RequestContext;
use self::signing_clock::SigningClock;
use crate::error::{ErrorKind, StoreError};
use crate::object::{Body, Condition, Download, ETag, Metadata, Object, Page, Put, Read};
use crate::{ObjectStore, PAGE_SIZE};

/// Bytes that are read from a file at once while it is written: S3 takes them as fast as they come.
const FILE_PART: usize = 256 << 10;

/// A bucket.
pub struct S3Store {
    client: Client,
    config: S3Config,
    endpoint: Option<String>,
    region: String,
    clock: SigningClock,
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Store")
            .field("config", &self.config)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl S3Store {
    /// Prepares to talk to a bucket. Nothing is operation of the service yet; instance metadata may be operation for the
    /// region, for 2 seconds at most.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidEndpoint`] for an endpoint that is no address; [`ErrorKind::Tls`] for certificates that
    /// cannot be used.
    pub async fn connect(config: S3Config) -> Result<Self, StoreError> {
        let clock = SigningClock::default();
        let client::BuiltClient { client, endpoint } = client::build(&config, &clock).await?;
        let region = client.config().region().map(ToString::to_string).unwrap_or_default();
        Ok(Self { client, config, endpoint, region, clock })
    }

    /// For tests: signs as if this machine's clock were off.
    #[doc(hidden)]
    pub fn pretend_clock_is_ahead(&self, seconds: i64) {
        self.clock.set_ahead(seconds * 1000);
    }

    fn payer(&self) -> Option<RequestPayer> {
        self.config.request_payer.then_some(RequestPayer::Requester)
    }

    fn request<'a>(&'a self, operation: S3Operation, address: &'a str) -> RequestContext<'a> {
        RequestContext { operation, address, endpoint: self.endpoint.as_deref(), region: &self.region }
    }

    fn store_error<E>(
        &self,
        operation: S3Operation,
        key: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        error::store_error(self.request(operation, &self.address(key)), error, &self.clock)
    }

    /// An error about an answer that was a success by its status.
    fn invalid_answer(&self, operation: S3Operation, key: &str, kind: ErrorKind, what: &str) -> StoreError {
        StoreError::new(kind, error::message(self.request(operation, &self.address(key)), what, ""))
    }

    /// Why a request without a body in its answer was refused: a read of one byte is told the reason.
    async fn head_failure(&self, key: &str, refused: StoreError) -> StoreError {
        let operation = self.client.get_object().bucket(&self.config.bucket).key(key).range("bytes=0-0");
        match operation.set_request_payer(self.payer()).send().await {
            Ok(_) => refused,
            Err(error) if error.code().is_some() => self.store_error(S3Operation::Head, key, &error),
            Err(_) => refused,
        }
    }

    /// What a read beyond an object's end gives: its facts, and no bytes.
    async fn empty_download(&self, key: &str, read: &Read) -> Result<Download, StoreError> {
        let object = self.head_if(key, read.if_match.as_ref()).await?;
        Ok(Download { object, body: stream::empty().boxed() })
    }

    async fn head_if(&self, key: &str, version: Option<&ETag>) -> Result<Object, StoreError> {
        let operation = self
            .client
            .head_object()
            .bucket(&self.config.bucket)
            .key(key)
            .set_if_match(version.map(|tag| tag.as_str().to_owned()))
            .set_request_payer(self.payer());
        let answer = match operation.send().await {
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

    fn object(
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
                "the answer has no size or no ETag",
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

    async fn bytes(&self, key: &str, body: Body) -> Result<ByteStream, StoreError> {
        match body {
            Body::Bytes(bytes) => Ok(bytes.into()),
            Body::File(path) => {
                let read = ByteStream::read_from().path(&path).buffer_size(FILE_PART).build().await;
                read.map_err(|error| {
                    let what = format!("failed to read {path:?}: {}", error_chain(&error));
                    self.invalid_answer(S3Operation::Put { replaces: false }, key, ErrorKind::Invalid, &what)
                })
            }
        }
    }
}

/// What the answers about an object have in common.
struct ObjectHeaders {
    etag: Option<String>,
    modified: Option<DateTime>,
    metadata: Option<std::collections::HashMap<String, String>>,
}

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
        let operation = self
            .client
            .get_object()
            .bucket(&self.config.bucket)
            .key(key)
            .set_range(range.as_ref().map(|range| format!("bytes={}-{}", range.start, range.end - 1)))
            .set_if_match(read.if_match.as_ref().map(|tag| tag.as_str().to_owned()))
            .set_request_payer(self.payer());
        let answer = match operation.send().await {
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
                "the answer does not say its size",
            ));
        };
        let whole = sizes.whole.unwrap_or(sizes.sent);
        if let Some(range) = range {
            let wanted = range.end.min(whole).saturating_sub(range.start);
            if sizes.sent != wanted {
                let what = "the service does not keep to the range that was operation for";
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
            self.invalid_answer(operation, key, ErrorKind::Invalid, "the answer has no ETag").unclear()
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
            // A page may have nothing and yet not be the last, after many deletions.
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
