//! Processes of the program, their engines as `/proc` shows them, and the files of a soak.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use verbatim_fixtures::decoded::samples;
use verbatim_fixtures::model::{model, sample};
use verbatim_fixtures::wav::Wav;

/// Time limit of every wait, on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Interval between two polls.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Polls until there is a result.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, poll: impl FnMut() -> Option<T>) -> T {
    wait_within(TIMEOUT, what, poll)
}

/// As [`wait_for`], with another time limit.
#[track_caller]
pub(crate) fn wait_within<T>(timeout: Duration, what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(found) = poll() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {timeout:?} for: {what}");
        thread::park_timeout(POLL_INTERVAL);
    }
}

/// Reports a check that this machine does not allow. Bypasses the test harness, which shows the output of
/// failed tests only.
pub(crate) fn not_checked(what: &str) {
    // The harness captures `eprintln`.
    std::io::stderr().write_all(format!("NOT CHECKED: {what}\n").as_bytes()).unwrap();
}

/// The program, run in `folder`.
pub(crate) fn verbatim(folder: &Path) -> Command {
    // The model has to exist.
    model();
    let mut command = Command::new(env!("CARGO_BIN_EXE_verbatim"));
    command.env_remove("VERBATIM_LOG").env_remove("VERBATIM_SANDBOX_OFF").current_dir(folder);
    command
}

/// Creates a folder with recordings of speech: `a.wav`, `b.wav` and so on, each of a number of seconds.
pub(crate) fn write_speech(folder: &Path, files: u8, seconds: usize) {
    fs::create_dir_all(folder).unwrap();
    let all = samples(&sample("two_cities.wav"));
    for (number, audio) in all.chunks_exact(seconds * 16_000).cycle().take(files.into()).enumerate() {
        let letter = char::from(b'a' + number as u8);
        write_mono(&folder.join(format!("{letter}.wav")), audio);
    }
}

/// Writes a mono WAV file of 16 kHz.
pub(crate) fn write_mono(path: &Path, audio: &[f32]) {
    fs::write(path, Wav::s16(16_000, &[audio.to_vec()]).bytes()).unwrap();
}

/// A process and its standard error. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts a process. Its standard output is discarded.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let sink = Arc::clone(&lines);
        let reader = thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                sink.lock().unwrap().push(line);
            }
        });
        Self { child, lines, reader: Some(reader) }
    }

    /// Process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// Whether it is running.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Whether it has ended with exit code 1: a failure that another try may not meet.
    pub(crate) fn has_failed(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some_and(|status| status.code() == Some(1))
    }

    /// Waits for a line with this prefix on standard error. Returns the line.
    #[track_caller]
    pub(crate) fn wait_for_line(&mut self, prefix: &str) -> String {
        wait_for(prefix, || {
            let ended = !self.is_running();
            let line = self.lines.lock().unwrap().iter().find(|line| line.starts_with(prefix)).cloned();
            assert!(line.is_some() || !ended, "it ended without a line {prefix:?}: {}", self.stderr());
            line
        })
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Waits for its end. Returns its exit code, -1 if a signal ended it, and its standard error.
    #[track_caller]
    pub(crate) fn end(&mut self) -> (i32, String) {
        self.end_within(TIMEOUT)
    }

    /// As [`Self::end`], with another time limit.
    #[track_caller]
    pub(crate) fn end_within(&mut self, timeout: Duration) -> (i32, String) {
        let status = wait_within(timeout, "the end of the process", || self.child.try_wait().unwrap());
        self.reader.take().unwrap().join().unwrap();
        (status.code().unwrap_or(-1), self.stderr())
    }

    /// Waits for its engine. Returns the engine's process id.
    #[track_caller]
    pub(crate) fn engine(&self) -> u32 {
        wait_for("an engine", || engines(self.pid()).first().copied())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process, if it exists.
pub(crate) fn send(pid: u32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid.try_into().unwrap()), signal);
}

/// Parent, name and state of a process; none if it does not exist.
fn stat(pid: u32) -> Option<(u32, String, char)> {
    let stat = procfs::process::Process::new(pid.try_into().ok()?).ok()?.stat().ok()?;
    Some((stat.ppid.try_into().ok()?, stat.comm, stat.state))
}

/// Children of a process: id, name and state (`Z` for a zombie).
pub(crate) fn children(parent: u32) -> Vec<(u32, String, char)> {
    let ids =
        fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(|pid| stat(pid).map(|stat| (pid, stat)))
        .filter(|(_, (ppid, ..))| *ppid == parent)
        .map(|(pid, (_, name, state))| (pid, name, state))
        .collect()
}

/// Whether a process exists and is an engine.
pub(crate) fn is_engine(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == b"verbatim\0engine\0")
}

/// Engines of a supervisor.
pub(crate) fn engines(supervisor: u32) -> Vec<u32> {
    children(supervisor).into_iter().map(|(pid, ..)| pid).filter(|pid| is_engine(*pid)).collect()
}

/// Objects of a file with one JSON object per line.
#[track_caller]
pub(crate) fn json_lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Digests of a soak's results by file. Checks that there is one result per task, `tasks` in all, that each
/// is a success, and that all results of a file are equal.
#[track_caller]
pub(crate) fn digests(soak: &Path, tasks: usize) -> BTreeMap<String, String> {
    let lines = json_lines(&soak.join("results.jsonl"));
    let numbers: std::collections::BTreeSet<u64> =
        lines.iter().map(|line| line["task_id"].as_u64().unwrap()).collect();
    assert_eq!((lines.len(), numbers.len()), (tasks, tasks), "one line per task");
    let mut found = BTreeMap::new();
    for line in lines {
        assert_eq!(line["status"], "success", "{line}");
        let (name, digest) = (line["audio_file"].as_str().unwrap(), line["result_sha256"].as_str().unwrap());
        let before = found.insert(name.to_owned(), digest.to_owned());
        assert!(before.is_none_or(|before| before == digest), "{name} differs from itself");
    }
    found
}

/// Events of a soak of one kind, in order.
pub(crate) fn events(soak: &Path, kind: &str) -> Vec<Value> {
    json_lines(&soak.join("events.jsonl")).into_iter().filter(|event| event["event"] == kind).collect()
}
