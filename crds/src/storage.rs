//! Access to the S3 service of source, destination and model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{rules::rule_at, text_rule};

/// Access to the S3 service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [rule_at(
    ".anonymous",
    "!(has(self.anonymous) && self.anonymous && has(self.credentialsSecretRef))",
    "anonymous disables credentials: remove either anonymous or credentialsSecretRef",
)]))]
pub struct Storage {
    /// URL of the service, e.g. `https://s3.example.net`. Absent: AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), extend("pattern" = text_rule::ENDPOINT.pattern))]
    pub endpoint: Option<String>,
    /// Region of the buckets. Absent: the region of the worker's environment, else `us-east-1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub region: Option<String>,
    /// Path-style URLs: the bucket is in the path instead of the host name. Most services except AWS need
    /// them.
    pub force_path_style: bool,
    /// Secret with `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and optionally `AWS_SESSION_TOKEN`.
    /// Absent: the identity of the worker's service account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
    /// Send requests without credentials, to read public buckets.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub anonymous: bool,
    /// Pay for requests to a bucket of another account.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub requester_pays: bool,
    /// Encryption of written objects. Absent: the bucket's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_side_encryption: Option<ServerSideEncryption>,
    /// ConfigMap with certificates to trust besides the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_bundle_ref: Option<CaBundleRef>,
    /// Checksums of requests. WhenRequired: only where S3 requires them, since older services refuse others.
    /// WhenSupported: wherever S3 supports them.
    pub request_checksum: RequestChecksum,
    /// Allow a service without conditional writes. Recordings may then be transcribed twice; no transcript is
    /// lost or incomplete.
    pub allow_duplicate_work: bool,
}

/// Secret in the job's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretRef {
    /// Name of the Secret.
    #[schemars(length(max = 253), extend("pattern" = text_rule::OBJECT_NAME.pattern))]
    pub name: String,
}

/// Key of a ConfigMap in the job's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaBundleRef {
    /// Name of the ConfigMap.
    #[schemars(length(max = 253), extend("pattern" = text_rule::OBJECT_NAME.pattern))]
    pub name: String,
    /// Key of the certificates, in PEM format.
    #[serde(default = "default_key")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// The key that Kubernetes itself uses for certificates.
fn default_key() -> String {
    "ca.crt".to_owned()
}

/// Encryption of written objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [rule_at(
    ".kmsKeyId",
    "!has(self.kmsKeyId) || self.algorithm == 'aws:kms'",
    "kmsKeyId is a key of the key management service: set algorithm to aws:kms, or remove it",
)]))]
pub struct ServerSideEncryption {
    /// Encryption algorithm. AES256: keys of the service. aws:kms: keys of its key management service.
    pub algorithm: Encryption,
    /// Identifier or alias of a key in the key management service. Absent: the account's default key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub kms_key_id: Option<String>,
}

/// Encryption algorithm, with S3's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Encryption {
    /// Keys of the service.
    #[default]
    #[serde(rename = "AES256")]
    Aes256,
    /// A key of its key management service.
    #[serde(rename = "aws:kms")]
    AwsKms,
}

/// Checksums of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RequestChecksum {
    /// Only where S3 requires them.
    #[default]
    WhenRequired,
    /// Wherever S3 supports them.
    WhenSupported,
}
