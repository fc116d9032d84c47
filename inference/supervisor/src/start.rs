//! Start of a supervisor with its first engine: whatever is wrong with the model shows here, before any work.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::decide::FileQueue;
use crate::engine_event::Observer;
use crate::policy::Policy;
pub use crate::start_error::StartError;
use crate::supervisor::Supervisor;
use crate::transcribe_call::TranscribeCall;
use verbatim_protocol::options::EngineOptions;
use verbatim_protocol::transcriber::Transcriber;

/// Like [`start`], boxed.
///
/// # Errors
/// [`StartError`].
pub fn start_boxed(
    options: &EngineOptions,
    policy: Policy,
    observer: Arc<dyn Observer>,
    stop: &AtomicBool,
) -> Result<Box<dyn Transcriber>, StartError> {
    Ok(Box::new(start(options, policy, observer, stop)?))
}

/// Starts a supervisor and its first engine, and waits until the engine is ready or `stop` is set.
///
/// # Errors
/// [`StartError`].
pub fn start(
    options: &EngineOptions,
    policy: Policy,
    observer: Arc<dyn Observer>,
    stop: &AtomicBool,
) -> Result<Supervisor, StartError> {
    if policy.reap_orphans {
        crate::child_reaper::adopt_orphans();
    }
    let mut supervisor = Supervisor::new(options, policy, observer);
    // A call without files, since engines are started for a call only.
    let mut ignore = |_| {};
    let (_sender, more) = crossbeam_channel::bounded(1);
    let mut call = TranscribeCall {
        queue: FileQueue::default(),
        files: HashMap::new(),
        more: Some(more),
        on_event: &mut ignore,
    };
    while supervisor.fleet.current().is_none() {
        if let Some(error) = supervisor.restart.take_error() {
            return Err(error);
        }
        if stop.load(Ordering::Acquire) {
            return Err(StartError::Interrupted);
        }
        supervisor.step(&mut call, false);
    }
    Ok(supervisor)
}
