//! A supervisor that runs, its engines as `/proc` shows them, and what a soak wrote.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use verbatim_fixtures::decoded::samples;
use verbatim_fixtures::model::{model, sample};
use verbatim_fixtures::wav::Wav;

/// What anything that is waited for may take, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// Waits until there is an answer.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait_within(PATIENCE, what, look)
}

/// As [`wait_for`], with another patience.
#[track_caller]
pub(crate) fn wait_within<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {patience:?} for: {what}");
        thread::park_timeout(LOOK);
    }
}

/// Tells of a check that this machine does not allow, past the harness, which shows what a test prints only when it
/// fails.
pub(crate) fn not_checked(what: &str) {
    // `eprintln` is what the harness holds back.
    std::io::stderr().write_all(format!("NOT CHECKED: {what}\n").as_bytes()).unwrap();
}

/// Tests of one file that need the machine to themselves: each holds this.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The program, as it is run in `folder`.
pub(crate) fn verbatim(folder: &Path) -> Command {
    // It has to be there.
    model();
    let mut command = Command::new(env!("CARGO_BIN_EXE_verbatim"));
    command.env_remove("VERBATIM_LOG").env_remove("VERBATIM_SANDBOX_OFF").current_dir(folder);
    command
}

/// Writes speech into a folder that is made: `a.wav`, `b.wav` and so on, of so many seconds each.
pub(crate) fn write_speech(folder: &Path, files: u8, seconds: usize) {
    fs::create_dir_all(folder).unwrap();
    let all = samples(&sample("two_cities.wav"));
    for (number, audio) in all.chunks_exact(seconds * 16_000).cycle().take(files.into()).enumerate() {
        let letter = char::from(b'a' + number as u8);
        write_mono(&folder.join(format!("{letter}.wav")), audio);
    }
}

/// Writes a WAV file of 16 kHz.
pub(crate) fn write_mono(path: &Path, audio: &[f32]) {
    fs::write(path, Wav::s16(16_000, &[audio.to_vec()]).bytes()).unwrap();
}

/// A process and what it says on standard error. It is killed when the test ends first.
pub(crate) struct Running {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts it. Standard output is nobody's.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let heard = Arc::clone(&lines);
        let reader = thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                heard.lock().unwrap().push(line);
            }
        });
        Self { child, lines, reader: Some(reader) }
    }

    /// Its id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Whether it has ended with exit code 1: something failed that may succeed another time.
    pub(crate) fn was_refused(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some_and(|status| status.code() == Some(1))
    }

    /// Waits until it says a line that begins so, and gives the line.
    #[track_caller]
    pub(crate) fn hear(&mut self, beginning: &str) -> String {
        wait_for(beginning, || {
            let ended = !self.is_running();
            let line = self.lines.lock().unwrap().iter().find(|line| line.starts_with(beginning)).cloned();
            assert!(line.is_some() || !ended, "it ended and never said {beginning:?}: {}", self.said());
            line
        })
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Waits for its end: its exit code, -1 where a signal ended it, and all that it said.
    #[track_caller]
    pub(crate) fn end(&mut self) -> (i32, String) {
        self.end_within(PATIENCE)
    }

    /// As [`Self::end`], with another patience.
    #[track_caller]
    pub(crate) fn end_within(&mut self, patience: Duration) -> (i32, String) {
        let status = wait_within(patience, "the end of the process", || self.child.try_wait().unwrap());
        self.reader.take().unwrap().join().unwrap();
        (status.code().unwrap_or(-1), self.said())
    }

    /// Its engine, once it has one.
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

/// Sends a signal to a process that may be gone.
pub(crate) fn send(pid: u32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid.try_into().unwrap()), signal);
}

/// A process's parent, name and state; none where it is gone.
fn stat(pid: u32) -> Option<(u32, String, char)> {
    let stat = procfs::process::Process::new(pid.try_into().ok()?).ok()?.stat().ok()?;
    Some((stat.ppid.try_into().ok()?, stat.comm, stat.state))
}

/// Children of a process: id, name and state (`Z` for one that has ended and was not waited for).
pub(crate) fn children(parent: u32) -> Vec<(u32, String, char)> {
    let ids =
        fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(|pid| stat(pid).map(|stat| (pid, stat)))
        .filter(|(_, (ppid, ..))| *ppid == parent)
        .map(|(pid, (_, name, state))| (pid, name, state))
        .collect()
}

/// Whether a process lives and is an engine.
pub(crate) fn is_engine(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == b"verbatim\0engine\0")
}

/// Engines that a supervisor has.
pub(crate) fn engines(supervisor: u32) -> Vec<u32> {
    children(supervisor).into_iter().map(|(pid, ..)| pid).filter(|pid| is_engine(*pid)).collect()
}

/// The objects of a file with one on each line.
#[track_caller]
pub(crate) fn json_lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Digests of a soak's results by file. Every file has to be answered, each time with the same, and `tasks` in all.
#[track_caller]
pub(crate) fn digests(soak: &Path, tasks: usize) -> BTreeMap<String, String> {
    let lines = json_lines(&soak.join("results.jsonl"));
    let numbers: std::collections::BTreeSet<u64> =
        lines.iter().map(|line| line["task_id"].as_u64().unwrap()).collect();
    assert_eq!((lines.len(), numbers.len()), (tasks, tasks), "one line for each task");
    let mut found = BTreeMap::new();
    for line in lines {
        assert_eq!(line["status"], "success", "{line}");
        let (name, digest) = (line["audio_file"].as_str().unwrap(), line["result_sha256"].as_str().unwrap());
        let before = found.insert(name.to_owned(), digest.to_owned());
        assert!(before.is_none_or(|before| before == digest), "{name} differs from itself");
    }
    found
}

/// A soak's events of one kind, in order.
pub(crate) fn events(soak: &Path, kind: &str) -> Vec<Value> {
    json_lines(&soak.join("events.jsonl")).into_iter().filter(|event| event["event"] == kind).collect()
}
