//! Why a command did not begin its work, with the exit code.

use std::error::Error;

use verbatim_text::error_chain;

use crate::exit;

/// Why a command did not begin its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// The configuration is wrong: the manifest, the model, or something that the model needs.
    #[error("{0}")]
    Configuration(String),
    /// A failure that may pass: another try can succeed.
    #[error("{0}")]
    Failed(String),
    /// A signal arrived before the work began. Holds the exit code.
    #[error("interrupted before the work began")]
    Interrupted(u8),
}

impl CommandError {
    /// Usage error with the message of `error` and its causes.
    pub fn usage(error: &(dyn Error + 'static)) -> Self {
        Self::Usage(error_chain(error))
    }

    /// Configuration error with the message of `error` and its causes.
    pub fn configuration(error: &(dyn Error + 'static)) -> Self {
        Self::Configuration(error_chain(error))
    }

    /// Failure with the message of `error` and its causes.
    pub fn failed(error: &(dyn Error + 'static)) -> Self {
        Self::Failed(error_chain(error))
    }

    /// Exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => exit::USAGE,
            Self::Configuration(_) => exit::CONFIGURATION,
            Self::Failed(_) => exit::SOME_FAILED,
            Self::Interrupted(code) => *code,
        }
    }
}
