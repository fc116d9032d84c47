//! Blocking work on threads of its own.

use std::io;

use crate::error::{ErrorKind, StoreError};

/// Runs blocking work on a thread for it.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down: the work may have started.
            Err(error) => {
                Err(StoreError::new(ErrorKind::Unavailable, io::Error::from(error).to_string()).unclear())
            }
        },
    }
}
