//! Standard error of an engine: every line goes to the log, and the last ones are kept for the report of a
//! crash.

use std::collections::VecDeque;
use std::io::Read;
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::engine_event::EngineNumber;

/// Number of lines kept: the message and place of a panic or an abort, and what led to it.
const LINES: usize = 20;
/// Bytes kept of a line: hostile media may make a library print anything, at any length.
const LINE_BYTES: usize = 500;

/// The last lines of standard error.
#[derive(Clone, Debug, Default)]
pub(crate) struct StderrTail(Arc<Mutex<VecDeque<String>>>);

impl StderrTail {
    /// The last lines so far, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
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

/// Reads the standard error of a process on a thread of its own, until its end.
pub(crate) fn follow(engine: EngineNumber, stderr: Option<ChildStderr>) -> (StderrTail, JoinHandle<()>) {
    let tail = StderrTail::default();
    let lines = tail.clone();
    let thread = thread::spawn(move || {
        let Some(stderr) = stderr else { return };
        read(stderr, |line| lines.push(engine, line));
    });
    (tail, thread)
}

fn read(mut stderr: impl Read, mut each_line: impl FnMut(&mut Vec<u8>)) {
    let (mut line, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stderr.read(&mut chunk) {
        for byte in chunk.iter().take(count) {
            if *byte == b'\n' {
                each_line(&mut line);
            } else if line.len() < LINE_BYTES {
                line.push(*byte);
            }
        }
    }
    each_line(&mut line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_and_the_last_lines_kept() {
        let mut output = vec![b'x'; 3 * LINE_BYTES];
        for n in 0..2 * LINES {
            output.extend(format!("\nline {n}\x1b").bytes());
        }
        let tail = StderrTail::default();
        read(output.as_slice(), |line| tail.push(1, line));
        let lines = tail.lines();
        assert_eq!((lines.len(), lines.last().map(String::as_str)), (LINES, Some("line 39")));
        let mut first = None;
        read(output.as_slice(), |line| {
            first.get_or_insert(line.len());
            line.clear();
        });
        assert_eq!(first, Some(LINE_BYTES));
    }
}
