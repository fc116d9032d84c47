//! Faults that were asked for (`verbatim soak --inject`): here they are suffered for real.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::outbox::Outbox;
use verbatim_protocol::event::Event;
use verbatim_protocol::task::{Fault, FileTask};

/// Address space that is left to an engine that is to run out of memory: enough to be surprised in the middle.
const ROOM: u64 = 64 << 20;
/// Bytes that are taken at once by an engine that is to run out of memory.
const BITE: usize = 8 << 20;
/// A page of the smallest kind: writing one byte of each makes all of them resident.
const PAGE: usize = 4096;

/// The faults of the files in flight.
#[derive(Default)]
pub(super) struct Faults(Mutex<HashMap<usize, Fault>>);

impl Faults {
    /// Remembers a file's fault.
    pub(super) fn plan(&self, task: &FileTask) {
        if let Some(injected) = task.fault {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(task.id, injected.fault);
        }
    }

    /// The fault that strikes with this event. Hanging is the listener's, signals come from outside.
    pub(super) fn strike(&self, event: &Event) -> Option<Fault> {
        let mut planned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if planned.is_empty() {
            return None;
        }
        match event {
            Event::Begun { id } => {
                let sudden = [Fault::Crash, Fault::OutOfMemory, Fault::FillMemory, Fault::Malformed];
                planned.get(id).copied().filter(|fault| sudden.contains(fault))
            }
            Event::Done { id, .. } | Event::Failed { id, .. } => {
                planned.remove(id).filter(|fault| matches!(fault, Fault::Leak(_)))
            }
            Event::Progress { .. } => None,
        }
    }
}

/// Suffers a fault.
pub(super) fn suffer(fault: Fault, outbox: &Outbox) {
    match fault {
        Fault::Crash => {
            eprintln!("verbatim engine: an injected crash");
            std::process::abort();
        }
        Fault::OutOfMemory => {
            limit_address_space();
            take_memory(usize::MAX);
        }
        Fault::FillMemory => take_memory(usize::MAX),
        Fault::Malformed => outbox.garbage(),
        Fault::Leak(bytes) => take_memory(usize::try_from(bytes).unwrap_or(usize::MAX)),
        Fault::Hang | Fault::Kill | Fault::Stop => {}
    }
}

/// Leaves this process little more address space than it has.
fn limit_address_space() {
    let used = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = used.and_then(|text| text.split(' ').next()?.parse::<u64>().ok()).unwrap_or(0);
    let most = pages * PAGE as u64 + ROOM;
    let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_AS, most, most);
}

/// Takes memory for good, and touches all of it.
fn take_memory(mut bytes: usize) {
    while bytes > 0 {
        let bite = bytes.min(BITE);
        let mut taken = vec![0_u8; bite];
        for byte in taken.iter_mut().step_by(PAGE) {
            *byte = 1;
        }
        std::mem::forget(std::hint::black_box(taken));
        bytes -= bite;
    }
}
