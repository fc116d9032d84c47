//! Buckets of S3 and of compatible services.
//!
//! Each request is sent once; retries and timeouts are decorators. `classify` maps error answers to the
//! closed list of kinds, `transport` maps failures without an answer.

mod classify;
mod client;
mod config;
mod download;
mod error;
mod head;
mod listing;
mod object_store;
mod signing_clock;
mod store;
mod transport;

pub use self::config::{Checksum, Credentials, S3Config, ServerSideEncryption};
pub use self::store::S3Store;
