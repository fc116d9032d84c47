//! The S3 store against real S3 servers.

mod bodies;
mod clock;
mod conditions;
mod credentials;
mod failures;
mod keys;
mod moto;
mod server;
