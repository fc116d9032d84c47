//! Faults that strike from outside of the engine, and which of a file's faults are over after its first attempt.

use nix::sys::signal::Signal;

use verbatim_protocol::task::{Fault, FileTask};

/// A file was begun: the signal that its engine is to get, if any. A fault that strikes once is taken off the task.
pub(super) fn strike(task: &mut FileTask) -> Option<Signal> {
    let injected = task.fault?;
    if !injected.every_attempt {
        task.fault = None;
    }
    match injected.fault {
        Fault::Kill => Some(Signal::SIGKILL),
        Fault::Stop => Some(Signal::SIGSTOP),
        _ => None,
    }
}
