//! Start of the engine of a run: the function that starts it, and what a failed start means for a command.

use std::sync::{Arc, atomic::AtomicBool};

use verbatim_crds::contract::messages::Cause;
use verbatim_protocol::LoadErrorKind;
use verbatim_protocol::options::EngineOptions;
use verbatim_protocol::transcriber::Transcriber;
use verbatim_supervisor::engine_event::Observer;
use verbatim_supervisor::policy::Policy;
use verbatim_supervisor::start::StartError;

use crate::error::CommandError;
use crate::exit;
use crate::signals::Signals;

/// Starts an engine, unless the flag is set meanwhile. A parameter of the commands, so that tests can pass a
/// scripted engine.
pub type EngineLoader =
    fn(&EngineOptions, Policy, Arc<dyn Observer>, &AtomicBool) -> Result<Box<dyn Transcriber>, StartError>;

/// The command's error for an engine that did not start.
pub fn command_error(error: &StartError, signals: &Signals) -> CommandError {
    match error {
        StartError::Unready { .. } => CommandError::configuration(error),
        StartError::Interrupted => CommandError::Interrupted(signals.exit_code().unwrap_or(exit::SIGNALLED)),
        StartError::Spawn(_) | StartError::Crashing { .. } => CommandError::Failed(error.to_string()),
    }
}

/// Cause of a failed start, as the operator knows it.
pub fn cause(error: &StartError) -> Cause {
    match error {
        StartError::Unready { kind: LoadErrorKind::Model, .. } => Cause::ModelUnavailable,
        StartError::Unready { kind: LoadErrorKind::Language, .. } => Cause::InvalidSpec,
        StartError::Unready { kind: LoadErrorKind::Device, .. }
        | StartError::Spawn(_)
        | StartError::Interrupted
        | StartError::Crashing { .. } => Cause::Internal,
    }
}
