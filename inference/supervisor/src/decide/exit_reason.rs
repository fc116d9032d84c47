//! Reason for the exit of an engine. Takes the exit status, the last lines of standard error and the kernel's
//! count of OOM kills; gives the reason.

use nix::sys::signal::Signal;
use verbatim_crds::contract::RecycleReason;

use crate::decide::Decision;
use verbatim_protocol::failure::mentions_out_of_memory;

/// Lines of standard error in the reason: place and message of a panic.
const LINES: usize = 2;

/// Most characters of a line in the reason: an event holds 1024 in all, and a log line stays readable.
const LINE_CHARS: usize = 300;

/// Exit of an engine's process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineExit {
    /// Signal that killed it, if any.
    pub signal: Option<i32>,
    /// Exit code, if it exited by itself.
    pub code: Option<i32>,
    /// Last lines of its standard error.
    pub stderr_tail: Vec<String>,
    /// OOM kills in the cgroup before the kernel can have killed this engine; 0 without a cgroup.
    pub oom_kills_before: u64,
    /// OOM kills in the cgroup after its exit.
    pub oom_kills_after: u64,
}

/// Reason for an unplanned exit.
pub fn exit_reason(exit: &EngineExit) -> Decision<RecycleReason> {
    let status = exit_status(exit);
    let signal = exit.signal.and_then(|signal| Signal::try_from(signal).ok());
    let counted = exit.oom_kills_after.saturating_sub(exit.oom_kills_before);
    if signal == Some(Signal::SIGKILL) && counted > 0 {
        return Decision::new(
            RecycleReason::OutOfMemory,
            format!("{status}, by the kernel, since memory ran out"),
        );
    }
    let aborted = signal == Some(Signal::SIGABRT);
    let names_memory = |line: &&String| mentions_out_of_memory(line, aborted);
    match exit.stderr_tail.iter().rev().find(names_memory) {
        Some(line) => {
            Decision::new(RecycleReason::OutOfMemory, format!("{status}: memory ran out: {}", plain(line)))
        }
        None => Decision::new(RecycleReason::Crash, with_last_lines(status, &exit.stderr_tail)),
    }
}

fn exit_status(exit: &EngineExit) -> String {
    match (exit.signal, exit.code) {
        (Some(signal), _) => match Signal::try_from(signal) {
            Ok(name) => format!("killed by signal {signal} ({})", name.as_str()),
            Err(_) => format!("killed by signal {signal}"),
        },
        (None, Some(code)) => format!("exited with code {code}"),
        (None, None) => "exited".to_owned(),
    }
}

fn with_last_lines(status: String, stderr_tail: &[String]) -> String {
    // Rust's hint about backtraces follows the message.
    let is_message = |line: &&String| !line.trim().is_empty() && !line.starts_with("note: ");
    let mut lines: Vec<String> =
        stderr_tail.iter().rev().filter(is_message).take(LINES).map(|line| plain(line)).collect();
    lines.reverse();
    if lines.is_empty() { status } else { format!("{status}; stderr: {}", lines.join(" / ")) }
}

/// The line, cut, without control characters: the engine has read untrusted bytes.
fn plain(line: &str) -> String {
    line.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(LINE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(signal: Option<i32>, code: Option<i32>, stderr: &[&str]) -> EngineExit {
        EngineExit {
            signal,
            code,
            stderr_tail: stderr.iter().map(|&line| line.to_owned()).collect(),
            ..EngineExit::default()
        }
    }

    #[test]
    fn reasons() {
        use RecycleReason::{Crash, OutOfMemory};
        let rust = "memory allocation of 1073741824 bytes failed";
        let cpp =
            ["terminate called after throwing an instance of 'std::bad_alloc'", "  what():  std::bad_alloc"];
        let arena = "bfc_arena.cc:376 AllocateRawInternal Failed to allocate memory for requested buffer of \
                     size 1024";
        let limited = "Available memory of 100 is smaller than requested bytes of 200";
        let panic = [
            "thread 'main' panicked at src/engine/vad.rs:94:9:",
            "index out of bounds",
            "note: run with `RUST_BACKTRACE=1`",
        ];
        for (signal, code, stderr, reason) in [
            (Some(11), None, &[][..], Crash),
            (Some(9), None, &[], Crash),
            (Some(6), None, &[rust], OutOfMemory),
            (Some(6), None, &cpp, OutOfMemory),
            (None, Some(1), &[arena], OutOfMemory),
            (None, Some(1), &[limited], OutOfMemory),
            (None, Some(1), &["CUDA out of memory. Tried to allocate 2 GiB"], OutOfMemory),
            (None, Some(1), &["CUDA failure 2: cudaErrorMemoryAllocation"], OutOfMemory),
            (None, Some(1), &["CUDNN failure 4000: CUDNN_STATUS_ALLOC_FAILED"], OutOfMemory),
            (Some(6), None, &["fatal: out of memory"], OutOfMemory),
            (Some(11), None, &["a batch ran out of memory, tried again with a smaller one"], Crash),
            (None, Some(101), &panic, Crash),
            (None, Some(0), &[], Crash),
            (None, None, &[], Crash),
        ] {
            let decision = exit_reason(&ended(signal, code, stderr));
            assert_eq!(decision.action, reason, "{signal:?} {code:?} {stderr:?}: {}", decision.why);
        }
    }

    #[test]
    fn sigkill_is_out_of_memory_if_the_kernel_counted_it() {
        for (signal, before, after, reason) in [
            (9, 2, 3, RecycleReason::OutOfMemory),
            (9, 3, 3, RecycleReason::Crash),
            (9, 3, 0, RecycleReason::Crash),
            (11, 2, 3, RecycleReason::Crash),
        ] {
            let how = EngineExit {
                oom_kills_before: before,
                oom_kills_after: after,
                ..ended(Some(signal), None, &[])
            };
            assert_eq!(exit_reason(&how).action, reason, "{signal} {before} {after}");
        }
    }

    #[test]
    fn the_reason_contains_the_last_lines() {
        let why = |ended: EngineExit| exit_reason(&ended).why;
        assert_eq!(why(ended(Some(11), None, &[])), "killed by signal 11 (SIGSEGV)");
        assert_eq!(why(ended(Some(64), None, &[])), "killed by signal 64");
        assert_eq!(
            why(ended(
                None,
                Some(101),
                &["old", "thread 'x' panicked at a.rs:1:2:", "no way", "", "note: run with"]
            )),
            "exited with code 101; stderr: thread 'x' panicked at a.rs:1:2: / no way"
        );
        assert_eq!(
            why(ended(Some(6), None, &["memory allocation of 8 bytes failed", ""])),
            "killed by signal 6 (SIGABRT): memory ran out: memory allocation of 8 bytes failed"
        );
        let hostile = format!("\u{1b}[2J{}", "x".repeat(5000));
        let reason = why(ended(Some(11), None, &[&hostile]));
        assert!(reason.len() < 400 && !reason.contains('\u{1b}'), "{reason}");
    }
}
