//! Configuration of a bucket.

use std::fmt;
use std::path::PathBuf;

/// Configuration of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3Config {
    /// Name of the bucket.
    pub bucket: String,
    /// URL of the service, such as `https://s3.example.net`. Absent: the environment's or the profile's, else
    /// AWS.
    pub endpoint: Option<String>,
    /// Region of the bucket. Absent: that of the environment, the profile or the instance, else `us-east-1`.
    pub region: Option<String>,
    /// Put the bucket into the path instead of the host name.
    pub force_path_style: bool,
    /// PEM file of certificates to trust in addition to the system's.
    pub ca_bundle: Option<PathBuf>,
    /// When to send and request checksums in addition to TLS's own.
    pub checksum: Checksum,
    /// Credentials.
    pub credentials: Credentials,
    /// Encryption by the service. Absent: the bucket's default.
    pub server_side_encryption: Option<ServerSideEncryption>,
    /// Pay for requests to a bucket of another account.
    pub request_payer: bool,
}

/// When to send and request checksums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// Only where S3 requires one: older services refuse others.
    #[default]
    WhenRequired,
    /// Wherever S3 supports one.
    WhenSupported,
}

/// Credentials.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    /// The first of environment, profile, web identity, SSO, container and instance metadata that has some.
    #[default]
    Chain,
    /// None: for public buckets.
    Anonymous,
    /// These keys.
    Keys {
        /// Access key ID.
        access_key: String,
        /// Secret key.
        secret_key: String,
        /// Session token of temporary keys.
        session_token: Option<String>,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain => f.write_str("Chain"),
            Self::Anonymous => f.write_str("Anonymous"),
            Self::Keys { access_key, .. } => {
                f.debug_struct("Keys").field("access_key", access_key).finish_non_exhaustive()
            }
        }
    }
}

/// Encryption by the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerSideEncryption {
    /// With the service's own keys (`AES256`).
    Aes256,
    /// With a key of its key management service (`aws:kms`); absent: the account's default key.
    Kms {
        /// ID or name of the key.
        key_id: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let config = S3Config {
            credentials: Credentials::Keys {
                access_key: "who".into(),
                secret_key: "hush".into(),
                session_token: Some("hush".into()),
            },
            ..S3Config::default()
        };
        let printed = format!("{config:?}");
        assert!(printed.contains("who") && !printed.contains("hush"), "{printed}");
    }
}
