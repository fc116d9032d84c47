//! Errors that end a worker before its job is complete.

use std::io;
use std::path::PathBuf;

use verbatim_store::{ETag, StoreError};

use crate::plan::PlanError;

/// Error that ends a worker before its job is complete.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Error of a store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Error of the plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Invalid object of the ledger.
    #[error("{address} is invalid, or from another version of verbatim: {why}")]
    Ledger {
        /// Address of the object.
        address: String,
        /// Reason.
        why: String,
    },
    /// No engine is left.
    #[error("no engine is left: {0}")]
    Engine(String),
    /// Error of the spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// A task of the worker panicked or was cancelled.
    #[error("a task of the worker panicked or was cancelled: {0}")]
    TaskFailed(String),
}

impl WorkerError {
    /// Whether the configuration is wrong, so that a retry is pointless.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Store(error) => error.kind.is_configuration(),
            Self::Plan(error) => error.is_configuration(),
            Self::Ledger { .. } => true,
            Self::Engine(_) | Self::Spool(_) | Self::TaskFailed(_) => false,
        }
    }
}

/// Error of the spool.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Error of the store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The recording is not the planned version.
    #[error("it changed after the plan was made: it was {planned:?} and is {found:?}")]
    Changed {
        /// Version from the plan.
        planned: ETag,
        /// Current version.
        found: ETag,
    },
    /// Error of the disk.
    #[error("failed to write to the spool folder {folder:?}: {source}")]
    Disk {
        /// Spool folder.
        folder: PathBuf,
        /// Cause.
        source: io::Error,
    },
}
