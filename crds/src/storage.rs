//! How S3 is reached. One service holds source, destination and model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{rules::rule_at, text_rule};

/// How S3 is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [rule_at(
    ".anonymous",
    "!(has(self.anonymous) && self.anonymous && has(self.credentialsSecretRef))",
    "anonymous asks without credentials: leave anonymous or credentialsSecretRef out",
)]))]
pub struct Storage {
    /// Address of the service, as `https://s3.example.net`. Absent: AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), extend("pattern" = text_rule::ENDPOINT.pattern))]
    pub endpoint: Option<String>,
    /// Region of the buckets. Absent: that of the worker's environment, else `us-east-1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub region: Option<String>,
    /// Put the bucket into the path and not into the host's name. Most services other than AWS need it.
    pub force_path_style: bool,
    /// Secret with `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, where there is one, `AWS_SESSION_TOKEN`.
    /// Absent: the identity of the worker's service account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
    /// Ask without credentials: for public buckets to read from.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub anonymous: bool,
    /// Pay for the requests to somebody else's bucket.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub requester_pays: bool,
    /// How the service encrypts what is written. Absent: as the bucket says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_side_encryption: Option<ServerSideEncryption>,
    /// Certificates to trust besides the system's, in a ConfigMap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_bundle_ref: Option<CaBundleRef>,
    /// When to send checksums of our own. WhenRequired: only where S3 asks for one, since older services refuse others.
    /// WhenSupported: wherever S3 takes one.
    pub request_checksum: RequestChecksum,
    /// Work on a service without conditional writes. Recordings may then be transcribed twice; no transcript is
    /// lost or half-written.
    pub allow_duplicate_work: bool,
}

/// A Secret in the job's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretRef {
    /// Name of the Secret.
    #[schemars(length(max = 253), extend("pattern" = text_rule::OBJECT_NAME.pattern))]
    pub name: String,
}

/// A key of a ConfigMap in the job's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaBundleRef {
    /// Name of the ConfigMap.
    #[schemars(length(max = 253), extend("pattern" = text_rule::OBJECT_NAME.pattern))]
    pub name: String,
    /// Key in it that holds the certificates, in PEM.
    #[serde(default = "default_key")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// The key that Kubernetes itself puts certificates under.
fn default_key() -> String {
    "ca.crt".to_owned()
}

/// How the service encrypts what is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [rule_at(
    ".kmsKeyId",
    "!has(self.kmsKeyId) || self.algorithm == 'aws:kms'",
    "kmsKeyId names a key of the key management service: write algorithm: aws:kms, or leave it out",
)]))]
pub struct ServerSideEncryption {
    /// With whose keys. AES256: the service's own. aws:kms: a key of its key management service.
    pub algorithm: Encryption,
    /// Identifier or name of a key of the key management service. Absent: the account's default key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub kms_key_id: Option<String>,
}

/// With whose keys the service encrypts, in S3's own words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Encryption {
    /// The service's own keys.
    #[default]
    #[serde(rename = "AES256")]
    Aes256,
    /// A key of its key management service.
    #[serde(rename = "aws:kms")]
    AwsKms,
}

/// When to send checksums of our own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RequestChecksum {
    /// Only where S3 asks for one.
    #[default]
    WhenRequired,
    /// Wherever S3 takes one.
    WhenSupported,
}
