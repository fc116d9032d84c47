//! Request signatures (SigV4), for a proxy that changes signed parts: SDKs sign conditions too.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use hyper::Request;
use hyper::header::AUTHORIZATION;

/// Credentials and region that sign requests.
#[derive(Clone, Debug)]
pub struct Signer {
    /// Access key.
    pub access_key: String,
    /// Secret key.
    pub secret_key: String,
    /// Region.
    pub region: String,
}

/// A request cannot be signed.
#[derive(Debug, thiserror::Error)]
#[error("failed to sign a request: {0}")]
pub struct SignError(#[source] Box<dyn std::error::Error + Send + Sync>);

const DIGEST: &str = "x-amz-content-sha256";

impl Signer {
    /// Signs a request as it is, and replaces its signature. A digest of the body in its headers is kept;
    /// without one, the body is unsigned.
    ///
    /// # Errors
    /// The request has no host, or headers that are not text.
    pub fn sign<B>(&self, request: &mut Request<B>) -> Result<(), SignError> {
        let fail = |error: Box<dyn std::error::Error + Send + Sync>| SignError(error);
        let headers = request.headers_mut();
        headers.remove(AUTHORIZATION);
        headers.remove("x-amz-date");
        let digest = headers.remove(DIGEST);
        let digest = digest.as_ref().and_then(|digest| digest.to_str().ok()).unwrap_or("UNSIGNED-PAYLOAD");

        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let identity = Credentials::new(&self.access_key, &self.secret_key, None, None, "tests").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| fail(error.into()))?
            .into();
        let mut pairs = Vec::new();
        for (name, value) in request.headers() {
            pairs.push((name.as_str(), value.to_str().map_err(|error| fail(error.into()))?));
        }
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.uri().to_string(),
            pairs.into_iter(),
            SignableBody::Precomputed(digest.to_owned()),
        );
        let signed =
            signable.and_then(|signable| sign(signable, &params)).map_err(|error| fail(error.into()))?;
        let (instructions, _) = signed.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}
