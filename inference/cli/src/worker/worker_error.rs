//! Why a worker cannot work: a message for people, and a cause for the operator.

use verbatim_crds::contract::messages::Cause;

use super::open_job::OpenJobError;
use crate::error::CommandError;

/// Why a worker cannot work.
#[derive(Debug)]
pub struct WorkerCommandError {
    /// Message and exit code.
    pub error: CommandError,
    /// Cause, as the operator knows it.
    pub cause: Cause,
}

impl WorkerCommandError {
    /// A failure of this machine or its command line, which the job's author has no part in.
    pub fn internal(error: CommandError) -> Self {
        Self { error, cause: Cause::Internal }
    }
}

/// A configuration error that a command finds itself is in the manifest.
impl From<CommandError> for WorkerCommandError {
    fn from(error: CommandError) -> Self {
        let cause = match error {
            CommandError::Configuration(_) => Cause::InvalidSpec,
            CommandError::Usage(_) | CommandError::Failed(_) | CommandError::Interrupted(_) => {
                Cause::Internal
            }
        };
        Self { error, cause }
    }
}

impl From<OpenJobError> for WorkerCommandError {
    fn from(error: OpenJobError) -> Self {
        Self { cause: error.cause(), error: error.into() }
    }
}

impl From<WorkerCommandError> for CommandError {
    fn from(error: WorkerCommandError) -> Self {
        error.error
    }
}
