//! Common parts of the tests: a server, and stores on it.

use std::sync::Arc;

use bytes::Bytes;
use verbatim_store::s3::Credentials;
use verbatim_store::{Condition, ObjectStore, Put, S3Config, S3Store};
use verbatim_testing::VersityGw;

pub(crate) const BUCKET: &str = "recordings";

/// Starts a server with a bucket.
pub(crate) fn start() -> VersityGw {
    let server = VersityGw::start().unwrap();
    server.create_bucket(BUCKET).unwrap();
    server
}

pub(crate) fn keys(access_key: &str, secret_key: &str) -> Credentials {
    Credentials::Keys { access_key: access_key.into(), secret_key: secret_key.into(), session_token: None }
}

/// Configuration to reach the bucket.
pub(crate) fn config(server: &VersityGw) -> S3Config {
    S3Config {
        bucket: BUCKET.into(),
        endpoint: Some(server.endpoint()),
        region: Some(VersityGw::REGION.into()),
        force_path_style: true,
        credentials: keys(VersityGw::ACCESS_KEY, VersityGw::SECRET_KEY),
        ..S3Config::default()
    }
}

pub(crate) async fn store(server: &VersityGw) -> Arc<S3Store> {
    connect(config(server)).await
}

pub(crate) async fn connect(config: S3Config) -> Arc<S3Store> {
    Arc::new(S3Store::connect(config).await.unwrap())
}

pub(crate) fn text(text: &'static str) -> Put {
    Put::new(text, "text/plain")
}

pub(crate) fn create(text: &'static str) -> Put {
    self::text(text).when(Condition::Absent)
}

pub(crate) async fn read(store: &dyn ObjectStore, key: &str) -> Bytes {
    store.get(key, verbatim_store::Read::default()).await.unwrap().bytes().await.unwrap()
}
