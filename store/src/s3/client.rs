//! The SDK's client: TLS, credentials and region. Its own retries are off: the retry decorator replaces them.

use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::imds;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation, SharedHttpClient};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, tls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::config::{Checksum, Credentials, S3Config};
use super::signing_clock::SigningClock;
use crate::error::{ErrorKind, StoreError};

/// Timeout of a connection, TLS included: three lost packets on a slow line.
const CONNECT: Duration = Duration::from_secs(5);
/// Timeout of the instance metadata service, which answers within milliseconds where it exists.
const METADATA: Duration = Duration::from_secs(1);
/// Attempts to query the instance metadata.
const METADATA_TRIES: u32 = 2;
/// Default region: S3's first, and the one that compatible services use.
const REGION: &str = "us-east-1";

/// A client and its endpoint.
pub(super) struct BuiltClient {
    pub(super) client: Client,
    /// Endpoint for messages; absent: AWS.
    pub(super) endpoint: Option<String>,
}

/// Builds the client, without a request to the service. May query the instance metadata for the region.
pub(super) async fn build(config: &S3Config, clock: &SigningClock) -> Result<BuiltClient, StoreError> {
    if let Some(endpoint) = &config.endpoint {
        check_endpoint(endpoint)?;
    }
    let http = http(config)?;
    let providers = ProviderConfig::default().with_http_client(http.clone());
    let metadata = imds::Client::builder()
        .configure(&providers)
        .connect_timeout(METADATA)
        .read_timeout(METADATA)
        .max_attempts(METADATA_TRIES)
        .build();

    let region = region(config, &providers, &metadata).await;
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .region(region.clone())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).build());
    let loader = match &config.credentials {
        Credentials::Anonymous => loader.no_credentials(),
        Credentials::Keys { access_key, secret_key, session_token } => {
            loader.credentials_provider(aws_sdk_s3::config::Credentials::new(
                access_key,
                secret_key,
                session_token.clone(),
                None,
                "configuration",
            ))
        }
        Credentials::Chain => loader.credentials_provider(
            DefaultCredentialsChain::builder()
                .configure(providers)
                .region(region)
                .imds_client(metadata)
                .build()
                .await,
        ),
    };
    let shared = loader.load().await;
    let endpoint = config.endpoint.clone().or_else(|| shared.endpoint_url().map(str::to_owned));
    let mut s3 = aws_sdk_s3::config::Builder::from(&shared)
        .retry_config(RetryConfig::disabled())
        .time_source(clock.clone())
        .force_path_style(config.force_path_style)
        .request_checksum_calculation(match config.checksum {
            Checksum::WhenRequired => RequestChecksumCalculation::WhenRequired,
            Checksum::WhenSupported => RequestChecksumCalculation::WhenSupported,
        })
        .response_checksum_validation(match config.checksum {
            Checksum::WhenRequired => ResponseChecksumValidation::WhenRequired,
            Checksum::WhenSupported => ResponseChecksumValidation::WhenSupported,
        });
    // Without one in the configuration, the builder has already used the environment's or the profile's.
    if let Some(endpoint) = &config.endpoint {
        s3 = s3.endpoint_url(endpoint);
    }
    if config.credentials == Credentials::Anonymous {
        s3 = s3.allow_no_auth();
    }
    Ok(BuiltClient { client: Client::from_conf(s3.build()), endpoint })
}

/// The region of the first source that has one. A custom endpoint has no instance metadata.
async fn region(config: &S3Config, providers: &ProviderConfig, metadata: &imds::Client) -> Region {
    let chain = RegionProviderChain::first_try(config.region.clone().map(Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::builder().configure(providers).build());
    let found = match &config.endpoint {
        Some(_) => chain.region().await,
        None => {
            let instance = ImdsRegionProvider::builder().imds_client(metadata.clone()).build();
            chain.or_else(instance).region().await
        }
    };
    found.unwrap_or(Region::from_static(REGION))
}

fn check_endpoint(endpoint: &str) -> Result<(), StoreError> {
    let host = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
    let host = host.map(|rest| rest.split('/').next().unwrap_or_default());
    match host {
        Some(host)
            if !host.is_empty() && !endpoint.contains(|c: char| c.is_whitespace() || c.is_control()) =>
        {
            Ok(())
        }
        _ => Err(StoreError::new(
            ErrorKind::InvalidEndpoint,
            format!(
                "{endpoint:?} is not the URL of a service, such as https://s3.example.net: check storage.endpoint"
            ),
        )),
    }
}

/// An HTTP client that trusts the system's certificates and those of the bundle.
fn http(config: &S3Config) -> Result<SharedHttpClient, StoreError> {
    let mut trusted = tls::TrustStore::default();
    if let Some(path) = &config.ca_bundle {
        let wrong = |what: String| {
            let message = format!("failed to use the CA bundle {}: {what}", path.display());
            StoreError::new(ErrorKind::Tls, format!("{message}: check storage.caBundleRef"))
        };
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        // The client panics on invalid certificates, so it gets valid ones only.
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(wrong("it has no certificates in PEM format".to_owned()));
        }
        trusted = trusted.with_pem_certificate(pem);
    }
    let context = tls::TlsContext::builder()
        .with_trust_store(trusted)
        .build()
        .map_err(|error| StoreError::new(ErrorKind::Tls, format!("failed to prepare TLS: {error}")))?;
    Ok(Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .tls_context(context)
        .build_https())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_checked() {
        for good in ["https://s3.example.net", "http://127.0.0.1:9000", "http://[::1]:9000/base/"] {
            check_endpoint(good).unwrap();
        }
        for bad in
            ["", "s3.example.net", "ftp://s3.example.net", "https://", "https:///bucket", "https://a b"]
        {
            assert_eq!(check_endpoint(bad).unwrap_err().kind, ErrorKind::InvalidEndpoint, "{bad}");
        }
    }

    #[test]
    fn a_bundle_without_certificates_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for text in ["", "hello", broken] {
            let path = folder.path().join("ca.pem");
            std::fs::write(&path, text).unwrap();
            let error = http(&S3Config { ca_bundle: Some(path), ..S3Config::default() }).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Tls, "{error}");
        }
        let missing = S3Config { ca_bundle: Some(folder.path().join("none.pem")), ..S3Config::default() };
        assert_eq!(http(&missing).unwrap_err().kind, ErrorKind::Tls);
    }
}
