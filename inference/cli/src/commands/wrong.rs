//! Why a worker cannot do its work: the words for people, and the one word for the operator.

use verbatim_crds::contract::messages::Cause;

use super::{CommandError, job};
use crate::worker::batch::BatchError;
use verbatim_protocol::LoadErrorKind;
use verbatim_supervisor::start::StartError;

/// Why a worker cannot do its work.
#[derive(Debug)]
pub struct Wrong {
    /// In words, with the exit code.
    pub error: CommandError,
    /// In one word.
    pub cause: Cause,
}

impl Wrong {
    /// Something of this machine or command line, that the job's author has no part in.
    pub fn internal(error: CommandError) -> Self {
        Self { error, cause: Cause::Internal }
    }
}

/// What commands find wrong by themselves is the manifest.
impl From<CommandError> for Wrong {
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

impl From<BatchError> for Wrong {
    fn from(error: BatchError) -> Self {
        Self { cause: error.cause(), error: job::wrong(&error) }
    }
}

impl From<Wrong> for CommandError {
    fn from(wrong: Wrong) -> Self {
        wrong.error
    }
}

/// Why there is no engine, in one word.
pub fn engine_cause(error: &StartError) -> Cause {
    match error {
        StartError::Unready { kind: LoadErrorKind::Model, .. } => Cause::ModelUnavailable,
        StartError::Unready { kind: LoadErrorKind::Language, .. } => Cause::InvalidSpec,
        StartError::Unready { kind: LoadErrorKind::Device, .. }
        | StartError::Spawn(_)
        | StartError::Interrupted
        | StartError::Crashing { .. } => Cause::Internal,
    }
}
