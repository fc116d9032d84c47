//! Injection of faults that a task requests (`verbatim soak --inject`).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use verbatim_protocol::event::Event;
use verbatim_protocol::task::{Fault, FileTask};

use crate::process::send::MessageSender;

/// Address space left to an engine that is to run out of memory: enough to fail in the middle of its work.
const REMAINING_ADDRESS_SPACE: u64 = 64 << 20;
/// Bytes of one allocation while memory is filled.
const ALLOCATION: usize = 8 << 20;
/// Smallest size of a memory page. Writing one byte per page makes all of an allocation resident.
const PAGE: usize = 4096;

/// Faults that are still to be injected, by task.
#[derive(Default)]
pub(super) struct PendingFaults(Mutex<HashMap<usize, Fault>>);

impl PendingFaults {
    /// Adds the fault of a task, if it has one.
    pub(super) fn add(&self, task: &FileTask) {
        if let Some(injected) = task.fault {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(task.id, injected.fault);
        }
    }

    /// Fault to inject at this event. The decode worker hangs by itself, and signals come from outside.
    pub(super) fn fault_at(&self, event: &Event) -> Option<Fault> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.is_empty() {
            return None;
        }
        match event {
            Event::Begun { id } => {
                let at_begin = [Fault::Crash, Fault::OutOfMemory, Fault::FillMemory, Fault::Malformed];
                faults.get(id).copied().filter(|fault| at_begin.contains(fault))
            }
            Event::Done { id, .. } | Event::Failed { id, .. } => {
                faults.remove(id).filter(|fault| matches!(fault, Fault::Leak(_)))
            }
            Event::Progress { .. } => None,
        }
    }
}

/// Injects a fault into this process.
pub(super) fn inject(fault: Fault, sender: &MessageSender) {
    match fault {
        Fault::Crash => {
            eprintln!("verbatim engine: injected crash");
            std::process::abort();
        }
        Fault::OutOfMemory => {
            limit_address_space();
            leak(usize::MAX);
        }
        Fault::FillMemory => leak(usize::MAX),
        Fault::Malformed => sender.send_malformed(),
        Fault::Leak(bytes) => leak(usize::try_from(bytes).unwrap_or(usize::MAX)),
        Fault::Hang | Fault::Kill | Fault::Stop => {}
    }
}

/// Limits the address space to slightly more than is in use.
fn limit_address_space() {
    let used = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = used.and_then(|text| text.split(' ').next()?.parse::<u64>().ok()).unwrap_or(0);
    let most = pages * PAGE as u64 + REMAINING_ADDRESS_SPACE;
    let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_AS, most, most);
}

/// Allocates resident memory and never frees it.
fn leak(mut bytes: usize) {
    while bytes > 0 {
        let size = bytes.min(ALLOCATION);
        let mut memory = vec![0_u8; size];
        for byte in memory.iter_mut().step_by(PAGE) {
            *byte = 1;
        }
        std::mem::forget(std::hint::black_box(memory));
        bytes -= size;
    }
}
