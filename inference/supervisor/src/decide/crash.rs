//! Why an engine ended. Takes how its process ended, its last words, and what the kernel counted; gives the reason.

use nix::sys::signal::Signal;

use super::Decision;
use crate::observe::RecycleReason;
use verbatim_protocol::failure::mentions_out_of_memory;

/// Lines of last words that are told: a panic's place and its message.
const LINES: usize = 2;

/// Characters of last words that are told, at most: an event has 1024 for all, and a log line stays readable.
const LETTERS: usize = 300;

/// How an engine's process ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The signal that killed it, if one did.
    pub signal: Option<i32>,
    /// Its exit code, if it ended by itself.
    pub code: Option<i32>,
    /// The last lines that it wrote to standard error.
    pub stderr_tail: Vec<String>,
    /// Processes of the cgroup that the kernel had killed for memory before it can have killed this engine; 0 without a cgroup.
    pub oom_kills_before: u64,
    /// The same after its end.
    pub oom_kills_after: u64,
    /// Why we killed it, if we did.
    pub killed_by_us: Option<RecycleReason>,
}

/// Why an engine ended that was not told to. Our own reason wins: what a killed process says is not news.
pub fn classify(ended: &Ended) -> Decision<RecycleReason> {
    let how = how(ended);
    if let Some(reason) = ended.killed_by_us {
        return Decision::new(reason, format!("we killed it ({}): {how}", reason.as_str()));
    }
    let signal = ended.signal.and_then(|signal| Signal::try_from(signal).ok());
    let counted = ended.oom_kills_after.saturating_sub(ended.oom_kills_before);
    if signal == Some(Signal::SIGKILL) && counted > 0 {
        return Decision::new(
            RecycleReason::OutOfMemory,
            format!("{how}, by the kernel, since memory ran out"),
        );
    }
    let aborted = signal == Some(Signal::SIGABRT);
    let names_memory = |line: &&String| mentions_out_of_memory(line, aborted);
    match ended.stderr_tail.iter().rev().find(names_memory) {
        Some(line) => {
            Decision::new(RecycleReason::OutOfMemory, format!("{how}: memory ran out: {}", plain(line)))
        }
        None => Decision::new(RecycleReason::Crash, with_last_words(how, &ended.stderr_tail)),
    }
}

fn how(ended: &Ended) -> String {
    match (ended.signal, ended.code) {
        (Some(signal), _) => match Signal::try_from(signal) {
            Ok(name) => format!("killed by signal {signal} ({})", name.as_str()),
            Err(_) => format!("killed by signal {signal}"),
        },
        (None, Some(code)) => format!("ended by itself with exit code {code}"),
        (None, None) => "ended".to_owned(),
    }
}

fn with_last_words(how: String, stderr_tail: &[String]) -> String {
    // Rust's hint on backtraces comes after what matters.
    let said = |line: &&String| !line.trim().is_empty() && !line.starts_with("note: ");
    let mut words: Vec<String> =
        stderr_tail.iter().rev().filter(said).take(LINES).map(|line| plain(line)).collect();
    words.reverse();
    if words.is_empty() { how } else { format!("{how}; last words: {}", words.join(" / ")) }
}

/// One line, short, without what a terminal would obey: the engine read bytes from strangers.
fn plain(line: &str) -> String {
    line.trim().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(LETTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(signal: Option<i32>, code: Option<i32>, stderr: &[&str]) -> Ended {
        Ended {
            signal,
            code,
            stderr_tail: stderr.iter().map(|&line| line.to_owned()).collect(),
            ..Ended::default()
        }
    }

    #[test]
    fn reasons() {
        use RecycleReason::{Crash, OutOfMemory};
        let rust = "memory allocation of 1073741824 bytes failed";
        let cpp =
            ["terminate called after throwing an instance of 'std::bad_alloc'", "  what():  std::bad_alloc"];
        let arena = "bfc_arena.cc:376 AllocateRawInternal Failed to allocate memory for requested buffer of size 1024";
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
            let decision = classify(&ended(signal, code, stderr));
            assert_eq!(decision.action, reason, "{signal:?} {code:?} {stderr:?}: {}", decision.why);
        }
    }

    #[test]
    fn the_kernel_kills_for_memory_where_it_counted_that() {
        for (signal, before, after, reason) in [
            (9, 2, 3, RecycleReason::OutOfMemory),
            (9, 3, 3, RecycleReason::Crash),
            (9, 3, 0, RecycleReason::Crash),
            (11, 2, 3, RecycleReason::Crash),
        ] {
            let how =
                Ended { oom_kills_before: before, oom_kills_after: after, ..ended(Some(signal), None, &[]) };
            assert_eq!(classify(&how).action, reason, "{signal} {before} {after}");
        }
    }

    #[test]
    fn our_own_reason_wins() {
        for reason in RecycleReason::ALL {
            let how = Ended {
                oom_kills_after: 1,
                killed_by_us: Some(reason),
                ..ended(Some(9), None, &["memory allocation of 8 bytes failed"])
            };
            assert_eq!(classify(&how).action, reason);
        }
        let how = Ended { killed_by_us: Some(RecycleReason::Wedged), ..ended(Some(9), None, &[]) };
        assert_eq!(classify(&how).why, "we killed it (Wedged): killed by signal 9 (SIGKILL)");
    }

    #[test]
    fn the_reason_tells_the_last_words() {
        let why = |ended: Ended| classify(&ended).why;
        assert_eq!(why(ended(Some(11), None, &[])), "killed by signal 11 (SIGSEGV)");
        assert_eq!(why(ended(Some(64), None, &[])), "killed by signal 64");
        assert_eq!(
            why(ended(
                None,
                Some(101),
                &["old", "thread 'x' panicked at a.rs:1:2:", "no way", "", "note: run with"]
            )),
            "ended by itself with exit code 101; last words: thread 'x' panicked at a.rs:1:2: / no way"
        );
        assert_eq!(
            why(ended(Some(6), None, &["memory allocation of 8 bytes failed", ""])),
            "killed by signal 6 (SIGABRT): memory ran out: memory allocation of 8 bytes failed"
        );
        let hostile = format!("\u{1b}[2J{}", "x".repeat(5000));
        let told = why(ended(Some(11), None, &[&hostile]));
        assert!(told.len() < 400 && !told.contains('\u{1b}'), "{told}");
    }
}
