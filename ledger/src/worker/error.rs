//! Why a worker ends before its job does.

use verbatim_store::StoreError;

use crate::plan::PlanError;

/// Why a worker ends before its job does.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// A store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No plan can be made.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// An object of the ledger is not what it should be.
    #[error("{address} is not what this version of verbatim writes: {why}")]
    Ledger {
        /// The object.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no engine any more.
    #[error("no engine is left: {0}")]
    Engine(String),
    /// The spool cannot be used.
    #[error(transparent)]
    Spool(#[from] super::spool::SpoolError),
    /// A task of the worker died.
    #[error("a part of the worker died: {0}")]
    Died(String),
}

impl WorkerError {
    /// Whether it is the configuration that is wrong: another try would end the same.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Store(error) => error.kind.is_configuration(),
            Self::Plan(error) => error.is_configuration(),
            Self::Ledger { .. } => true,
            Self::Engine(_) | Self::Spool(_) | Self::Died(_) => false,
        }
    }
}
