//! Object stores with conditional writes, behind one trait: nothing above [`ObjectStore`] knows which store
//! it uses.
//!
//! A store sends each request once. Retries, timeouts and request counts are decorators around it. Every
//! error has a kind from a closed list ([`ErrorKind`]); whether a retry may help is separate from the kind.

pub mod check_then_write;
pub mod counting;
pub mod error;
pub mod fs;
pub mod memory;
pub mod object;
mod object_store;
pub mod retry;
pub mod s3;
#[cfg(test)]
mod test_store;
pub mod timeout;

pub use self::counting::{CountingStore, Operation, RequestCounts, RequestObserver};
pub use self::error::{ErrorKind, StoreError};
pub use self::fs::FsStore;
pub use self::object::{Body, Condition, Download, ETag, Object, Page, Put, Read};
pub use self::object_store::{ObjectStore, PAGE_SIZE};
pub use self::retry::{RetryPolicy, RetryingStore};
pub use self::s3::{S3Config, S3Store};
pub use self::timeout::{TimeoutStore, Timeouts};
