//! A bucket: its client, its addresses and its errors.

use std::fmt;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::RequestPayer;
use verbatim_text::error_chain;

use super::classify::S3Operation;
use super::client;
use super::config::S3Config;
use super::error::{self, RequestContext};
use super::signing_clock::SigningClock;
use crate::error::{ErrorKind, StoreError};
use crate::object::Body;
use crate::object_store::ObjectStore;

/// Bytes read from a file at once during a write: S3 takes them as they come.
const FILE_PART: usize = 256 << 10;

/// A bucket.
pub struct S3Store {
    pub(super) client: Client,
    pub(super) config: S3Config,
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
    /// Prepares a client for a bucket, without a request to the service. It may query the instance metadata
    /// for the region, for 2 seconds at most.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidEndpoint`] for an endpoint that is not a URL; [`ErrorKind::Tls`] for invalid
    /// certificates.
    pub async fn connect(config: S3Config) -> Result<Self, StoreError> {
        let clock = SigningClock::default();
        let client::BuiltClient { client, endpoint } = client::build(&config, &clock).await?;
        let region = client.config().region().map(ToString::to_string).unwrap_or_default();
        Ok(Self { client, config, endpoint, region, clock })
    }

    /// For tests: signs requests as if this machine's clock were ahead.
    #[doc(hidden)]
    pub fn pretend_clock_is_ahead(&self, seconds: i64) {
        self.clock.set_ahead(seconds * 1000);
    }

    pub(super) fn payer(&self) -> Option<RequestPayer> {
        self.config.request_payer.then_some(RequestPayer::Requester)
    }

    pub(super) fn request<'a>(&'a self, operation: S3Operation, address: &'a str) -> RequestContext<'a> {
        RequestContext { operation, address, endpoint: self.endpoint.as_deref(), region: &self.region }
    }

    pub(super) fn store_error<E>(
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

    /// Error for an answer with a success status and invalid contents.
    pub(super) fn invalid_answer(
        &self,
        operation: S3Operation,
        key: &str,
        kind: ErrorKind,
        what: &str,
    ) -> StoreError {
        StoreError::new(kind, error::message(self.request(operation, &self.address(key)), what, ""))
    }

    pub(super) async fn bytes(&self, key: &str, body: Body) -> Result<ByteStream, StoreError> {
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
