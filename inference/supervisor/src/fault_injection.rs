//! Injected faults that strike an engine from outside: signals.

use nix::sys::signal::Signal;

use verbatim_protocol::task::{Fault, FileTask};

/// The signal to send to the engine that has begun the file, if any. A fault that strikes once is removed
/// from the task.
pub(crate) fn signal_for(task: &mut FileTask) -> Option<Signal> {
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
