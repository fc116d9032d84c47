//! State that a store and its interrupted bodies share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::policy::{RetryPolicy, Tries};
use crate::error::{ErrorKind, StoreError};
use crate::object::{Download, Read};
use crate::object_store::ObjectStore;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) inner: Arc<dyn ObjectStore>,
    policy: RetryPolicy,
    /// Whether the store ever answered. If so, an unreachable endpoint is a network failure.
    reached: AtomicBool,
}

impl Shared {
    pub(super) fn new(inner: Arc<dyn ObjectStore>, policy: RetryPolicy) -> Self {
        Self { inner, policy, reached: AtomicBool::new(false) }
    }

    pub(super) fn tries(&self) -> Tries {
        Tries::new(self.policy)
    }

    /// Records that the store answered.
    pub(super) fn saw<T>(&self, answer: &Result<T, StoreError>) {
        if !matches!(answer, Err(error) if !matches!(error.kind, ErrorKind::NotFound | ErrorKind::PreconditionFailed))
        {
            self.reached.store(true, Ordering::Relaxed);
        }
    }

    /// Waits before the next attempt, or returns the error if none may help.
    pub(super) async fn pause(&self, tries: &mut Tries, error: StoreError) -> Result<(), StoreError> {
        let lost_network = error.kind == ErrorKind::InvalidEndpoint && self.reached.load(Ordering::Relaxed);
        if lost_network {
            // The endpoint is right: it answered before.
            let mut error = error;
            error.kind = ErrorKind::Unavailable;
            return tries.pause(error).await;
        }
        if error.kind.is_transient() { tries.pause(error).await } else { Err(error) }
    }

    pub(super) async fn get(
        &self,
        tries: &mut Tries,
        key: &str,
        read: &Read,
    ) -> Result<Download, StoreError> {
        loop {
            let answer = self.inner.get(key, read.clone()).await;
            self.saw(&answer);
            match answer {
                Ok(download) => return Ok(download),
                Err(error) => self.pause(tries, error).await?,
            }
        }
    }
}
