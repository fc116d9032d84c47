//! Tries requests again that failed for a moment, and goes on with bodies that broke off.

mod policy;
mod resume;

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

pub use self::policy::RetryPolicy;

use self::policy::Tries;
use crate::ObjectStore;
use crate::error::{ErrorKind, StoreError};
use crate::object::{Download, ETag, Object, Page, Put, Read};

/// A store that tries again.
///
/// A write whose first try may have happened is [`StoreError::is_unclear`] whatever the last try says: a condition that
/// does not hold may then be that of one's own object.
#[derive(Clone, Debug)]
pub struct RetryingStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    inner: Arc<dyn ObjectStore>,
    policy: RetryPolicy,
    /// Whether the store has answered before: then an address that cannot be reached is the network's fault.
    reached: AtomicBool,
}

impl Shared {
    fn tries(&self) -> Tries {
        Tries::new(self.policy)
    }

    /// Notes what an answer shows.
    fn saw<T>(&self, answer: &Result<T, StoreError>) {
        if !matches!(answer, Err(error) if !matches!(error.kind, ErrorKind::NotFound | ErrorKind::PreconditionFailed))
        {
            self.reached.store(true, Ordering::Relaxed);
        }
    }

    /// Waits where another try may help, otherwise gives the error back.
    async fn pause(&self, tries: &mut Tries, error: StoreError) -> Result<(), StoreError> {
        let lost_network = error.kind == ErrorKind::InvalidEndpoint && self.reached.load(Ordering::Relaxed);
        if lost_network {
            // The address is right: it answered before.
            let mut error = error;
            error.kind = ErrorKind::Unavailable;
            return tries.pause(error).await;
        }
        if error.kind.is_transient() { tries.pause(error).await } else { Err(error) }
    }

    async fn get(&self, tries: &mut Tries, key: &str, read: &Read) -> Result<Download, StoreError> {
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

impl RetryingStore {
    /// Tries requests to `inner` again.
    pub fn new(inner: Arc<dyn ObjectStore>, policy: RetryPolicy) -> Self {
        Self { shared: Arc::new(Shared { inner, policy, reached: AtomicBool::new(false) }) }
    }
}

/// A request, again and again.
macro_rules! again {
    ($shared:expr, $request:expr) => {{
        let mut tries = $shared.tries();
        loop {
            let answer = $request.await;
            $shared.saw(&answer);
            match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => $shared.pause(&mut tries, error).await?,
            }
        }
    }};
}

#[async_trait]
impl ObjectStore for RetryingStore {
    async fn head(&self, key: &str) -> Result<Object, StoreError> {
        again!(self.shared, self.shared.inner.head(key))
    }

    async fn get(&self, key: &str, read: Read) -> Result<Download, StoreError> {
        let Download { object, body } = self.shared.get(&mut self.shared.tries(), key, &read).await?;
        let body = resume::body(Arc::clone(&self.shared), &object, read.range, body);
        Ok(Download { object, body })
    }

    async fn put(&self, key: &str, put: Put) -> Result<ETag, StoreError> {
        let shared = &self.shared;
        let mut tries = shared.tries();
        let mut unclear = false;
        loop {
            let answer = shared.inner.put(key, put.clone()).await;
            shared.saw(&answer);
            let error = match answer {
                Ok(tag) => return Ok(tag),
                Err(error) => error,
            };
            unclear |= error.is_unclear();
            if let Err(error) = shared.pause(&mut tries, error).await {
                return Err(if unclear { error.unclear() } else { error });
            }
        }
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        again!(self.shared, self.shared.inner.delete(key))
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        again!(self.shared, self.shared.inner.list(prefix, after, limit))
    }

    fn address(&self, key: &str) -> String {
        self.shared.inner.address(key)
    }
}

#[cfg(test)]
mod tests;
