//! Retries of transient failures, and resumption of interrupted bodies.

mod policy;
mod resume;
mod shared;

use std::sync::Arc;

use async_trait::async_trait;

pub use self::policy::RetryPolicy;

use self::shared::Shared;
use crate::error::StoreError;
use crate::object::{Download, ETag, Object, Page, Put, Read};
use crate::object_store::ObjectStore;

/// A store that retries.
///
/// If any attempt at a write may have happened, the result is [`StoreError::is_unclear`] whatever the last
/// attempt returned: the condition may have failed because of the caller's own object.
#[derive(Clone, Debug)]
pub struct RetryingStore {
    shared: Arc<Shared>,
}

impl RetryingStore {
    /// Retries the requests of `inner`.
    pub fn new(inner: Arc<dyn ObjectStore>, policy: RetryPolicy) -> Self {
        Self { shared: Arc::new(Shared::new(inner, policy)) }
    }
}

/// Sends a request until it succeeds or the policy ends it.
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
