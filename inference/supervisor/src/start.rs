//! The first engine: everything that can be wrong with the model shows here, before any work.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::call::Call;
use super::decide::Queue;
use super::observe::Observer;
use super::policy::Policy;
use super::supervised::Supervised;
use verbatim_protocol::LoadErrorKind;
use verbatim_protocol::options::EngineOptions;
use verbatim_protocol::transcriber::Transcriber;

/// Why there is no engine.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StartError {
    /// The model or the device cannot be had; another try would end the same.
    #[error("{message}")]
    Unready {
        /// Category of the error.
        kind: LoadErrorKind,
        /// Why, in words.
        message: String,
    },
    /// No process could be started.
    #[error("failed to start an engine: {0}")]
    Spawn(String),
    /// It was told to stop before there was one.
    #[error("interrupted")]
    Interrupted,
    /// Engines end before they are ready.
    #[error("no engine can be started: {why}; the last one: {last}")]
    Crashing {
        /// How often, in words.
        why: String,
        /// What became of the last one.
        last: String,
    },
}

impl StartError {
    /// Whether it is the configuration that is wrong, and not the machine.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Unready { .. })
    }
}

/// As [`start`].
///
/// # Errors
/// [`StartError`].
pub fn boxed(
    options: &EngineOptions,
    policy: Policy,
    observer: Arc<dyn Observer>,
    stop: &AtomicBool,
) -> Result<Box<dyn Transcriber>, StartError> {
    Ok(Box::new(start(options, policy, observer, stop)?))
}

/// Starts a supervisor and its first engine, and waits until that is ready or `stop` is set.
///
/// # Errors
/// [`StartError`].
pub fn start(
    options: &EngineOptions,
    policy: Policy,
    observer: Arc<dyn Observer>,
    stop: &AtomicBool,
) -> Result<Supervised, StartError> {
    if policy.reap_orphans {
        super::orphans::adopt();
    }
    let mut supervised = Supervised::idle(options, policy, observer);
    // There are no files, but the overrides for an engine.
    let mut nobody = |_| {};
    let (_sender, more) = crossbeam_channel::bounded(1);
    let mut call =
        Call { queue: Queue::default(), tasks: HashMap::new(), more: Some(more), on_event: &mut nobody };
    while supervised.current.is_none() {
        if let Some(broken) = supervised.broken.take() {
            return Err(broken);
        }
        if stop.load(Ordering::Acquire) {
            return Err(StartError::Interrupted);
        }
        supervised.turn(&mut call, false);
    }
    Ok(supervised)
}
