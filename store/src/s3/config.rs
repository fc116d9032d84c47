//! How a bucket is reached.

use std::fmt;
use std::path::PathBuf;

/// How a bucket is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3Config {
    /// The bucket.
    pub bucket: String,
    /// Address of the service, as `https://s3.example.net`. Absent: what the environment or the profile says, else AWS.
    pub endpoint: Option<String>,
    /// Region of the bucket. Absent: what the environment, the profile or the instance says, else `us-east-1`.
    pub region: Option<String>,
    /// Put the bucket into the path and not into the host's name.
    pub force_path_style: bool,
    /// A PEM file of certificates to trust besides the system's.
    pub ca_bundle: Option<PathBuf>,
    /// When to send and to ask for checksums besides TLS's own.
    pub checksum: Checksum,
    /// Who asks.
    pub credentials: Credentials,
    /// How the service encrypts what is written. Absent: as the bucket says.
    pub server_side_encryption: Option<ServerSideEncryption>,
    /// Pay for the requests to somebody else's bucket.
    pub request_payer: bool,
}

/// When to send and to ask for checksums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// Only where S3 asks for one: older services refuse others.
    #[default]
    WhenRequired,
    /// Wherever S3 takes or gives one.
    WhenSupported,
}

/// Who asks.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    /// The first that there is of: environment, profile, web identity, SSO, container, instance metadata.
    #[default]
    Chain,
    /// Nobody: for public buckets.
    Anonymous,
    /// These keys.
    Keys {
        /// The access key's name.
        access_key: String,
        /// The secret key.
        secret_key: String,
        /// What comes with temporary keys.
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

/// How the service encrypts what is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerSideEncryption {
    /// With the service's own keys (`AES256`).
    Aes256,
    /// With a key of its key management service (`aws:kms`); absent: the account's default key.
    Kms {
        /// The key's identifier or name.
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
