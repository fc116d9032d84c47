//! Errors that leave a supervisor without an engine.

use verbatim_protocol::LoadErrorKind;

/// Reason for which no engine can be started.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StartError {
    /// The model cannot be loaded or the device cannot be used; another attempt would end the same.
    #[error("{message}")]
    Unready {
        /// Kind of the load error.
        kind: LoadErrorKind,
        /// The engine's message.
        message: String,
    },
    /// The operating system started no process.
    #[error("failed to start an engine: {0}")]
    Spawn(String),
    /// The supervisor was stopped before an engine was ready.
    #[error("interrupted")]
    Interrupted,
    /// Engines fail again and again.
    #[error("failed to start an engine: {why}; the last failure: {last}")]
    Crashing {
        /// Number of failures.
        why: String,
        /// Reason of the last failure.
        last: String,
    },
}

impl StartError {
    /// Whether the configuration is wrong, rather than the machine.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Unready { .. })
    }
}
