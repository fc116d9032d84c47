//! The S3 store against real S3 servers.

#![allow(clippy::unwrap_used)]

mod s3 {
    mod bodies;
    mod clock;
    mod conditions;
    mod credentials;
    mod failures;
    mod keys;
    mod moto;
    mod server;
}
