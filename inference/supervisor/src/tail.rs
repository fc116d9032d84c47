//! An engine's standard error: passed on to the log, and its last lines kept for the case that it crashes.

use std::collections::VecDeque;
use std::io::Read;
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::observe::EngineNumber;

/// Lines that are kept: a panic with its message and place, an abort's, and what led to it.
const LINES: usize = 20;
/// Bytes of a line that are kept: hostile media may make a library say anything, at any length.
const LINE_BYTES: usize = 500;

/// The last lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    /// The lines so far, oldest first.
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn push(&self, engine: EngineNumber, line: &mut Vec<u8>) {
        let text: String = String::from_utf8_lossy(line).chars().filter(|c| !c.is_control()).collect();
        line.clear();
        if text.trim().is_empty() {
            return;
        }
        tracing::warn!(target: "verbatim::engine", engine, "{text}");
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(text);
    }
}

/// Follows a process's standard error on a thread, until its end.
pub(super) fn follow(engine: EngineNumber, errors: Option<ChildStderr>) -> (Tail, JoinHandle<()>) {
    let tail = Tail::default();
    let lines = tail.clone();
    let thread = thread::spawn(move || {
        let Some(errors) = errors else { return };
        read(errors, |line| lines.push(engine, line));
    });
    (tail, thread)
}

fn read(mut errors: impl Read, mut each: impl FnMut(&mut Vec<u8>)) {
    let (mut line, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = errors.read(&mut chunk) {
        for byte in chunk.iter().take(count) {
            if *byte == b'\n' {
                each(&mut line);
            } else if line.len() < LINE_BYTES {
                line.push(*byte);
            }
        }
    }
    each(&mut line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_and_the_last_are_kept() {
        let mut said = vec![b'x'; 3 * LINE_BYTES];
        for n in 0..2 * LINES {
            said.extend(format!("\nline {n}\x1b").bytes());
        }
        let tail = Tail::default();
        read(said.as_slice(), |line| tail.push(1, line));
        let lines = tail.lines();
        assert_eq!((lines.len(), lines.last().map(String::as_str)), (LINES, Some("line 39")));
        let mut first = None;
        read(said.as_slice(), |line| {
            first.get_or_insert(line.len());
            line.clear();
        });
        assert_eq!(first, Some(LINE_BYTES));
    }
}
