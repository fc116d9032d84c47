//! Several processes on one folder: one winner per race, no lost update, and no partial writes when they are
//! killed.
//!
//! A process is this test binary, running only `process` below; it reads commands and writes answers, one a
//! line.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use verbatim_store::{Condition, ETag, FsStore, ObjectStore, Put, Read};

/// Environment variable with the folder for the process.
const ROOT: &str = "VERBATIM_TEST_ROOT";
/// Prefix of answers: the test harness writes lines of its own.
const ANSWER: &str = "answer:";
const PROCESSES: usize = 4;
/// Size of a body that takes some milliseconds to write, so that kills interrupt the write.
const LARGE: usize = 8 << 20;

struct Process {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Process {
    fn start(root: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["fs_processes::process", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(ROOT, root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (commands, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, commands, answers: BufReader::new(answers) }
    }

    fn tell(&mut self, command: &str) {
        writeln!(self.commands, "{command}").unwrap();
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        while self.answers.read_line(&mut line).unwrap() > 0 {
            // The harness may have written `test process ... ` before it on the same line.
            if let Some((_, answer)) = line.split_once(ANSWER) {
                return answer.trim().to_owned();
            }
            line.clear();
        }
        panic!("the process ended: {:?}", self.child.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process under test. Only `Process::start` runs it.
#[tokio::test]
#[ignore = "runs as a part of the other tests"]
async fn process() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    let store: Arc<dyn ObjectStore> = Arc::new(FsStore::new(root).unwrap());
    let body = std::process::id().to_string();
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let words: Vec<_> = line.split(' ').collect();
        let answer = match words[..] {
            ["create", key] => attempt(&store, key, &body, Condition::Absent).await,
            ["replace", key, etag] => attempt(&store, key, &body, Condition::Matches(ETag::new(etag))).await,
            ["count", key, times] => {
                crate::conformance::count(&store, key, times.parse().unwrap()).await;
                "counted"
            }
            ["write", key] => {
                for round in 0_u8.. {
                    println!("{ANSWER} writing");
                    let put = Put::new(vec![round; LARGE], "audio/wav");
                    store.put(key, put.with([("round".into(), round.to_string())].into())).await.unwrap();
                }
                "never"
            }
            _ => panic!("{line}"),
        };
        println!("{ANSWER} {answer}");
    }
}

async fn attempt(store: &Arc<dyn ObjectStore>, key: &str, body: &str, condition: Condition) -> &'static str {
    match store.put(key, Put::new(body.to_owned(), "text/plain").when(condition)).await {
        Ok(_) => "won",
        Err(error) if error.is_precondition_failed() => "lost",
        Err(error) => panic!("{error:?}"),
    }
}

/// Sends the command to all processes at once. Returns the ID of the winner.
fn race(processes: &mut [Process], command: &str) -> u32 {
    for process in processes.iter_mut() {
        process.tell(command);
    }
    let answers: Vec<_> = processes.iter_mut().map(Process::answer).collect();
    let winners: Vec<_> = (0..answers.len()).filter(|at| answers[*at] == "won").collect();
    assert_eq!(winners.len(), 1, "{command}: {answers:?}");
    processes[winners[0]].child.id()
}

async fn body(store: &FsStore, key: &str) -> String {
    let bytes = store.get(key, Read::default()).await.unwrap().bytes().await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn one_of_racing_processes_wins_each_round() {
    let folder = tempfile::tempdir().unwrap();
    let store = FsStore::new(folder.path()).unwrap();
    let mut processes: Vec<_> = (0..PROCESSES).map(|_| Process::start(folder.path())).collect();
    let mut winners = std::collections::BTreeSet::new();
    for round in 0..60 {
        let key = format!("claims/{round}");
        let winner = race(&mut processes, &format!("create {key}"));
        assert_eq!(body(&store, &key).await, winner.to_string());
        let etag = store.head(&key).await.unwrap().etag;
        let winner = race(&mut processes, &format!("replace {key} {}", etag.as_str()));
        assert_eq!(body(&store, &key).await, winner.to_string());
        winners.insert(winner);
    }
    // A single constant winner would mean that nothing raced.
    assert!(winners.len() > 1);
}

#[tokio::test]
async fn processes_lose_no_update() {
    let folder = tempfile::tempdir().unwrap();
    let store = FsStore::new(folder.path()).unwrap();
    store.put("counter", Put::new("100", "text/plain")).await.unwrap();
    let mut processes: Vec<_> = (0..PROCESSES).map(|_| Process::start(folder.path())).collect();
    for process in &mut processes {
        process.tell("count counter 25");
    }
    for process in &mut processes {
        assert_eq!(process.answer(), "counted");
    }
    assert_eq!(body(&store, "counter").await, "200");
}

#[tokio::test]
async fn a_killed_process_leaves_no_partial_object() {
    let folder = tempfile::tempdir().unwrap();
    let store = FsStore::new(folder.path()).unwrap();
    let temporary = || {
        let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".tmp")).count()
    };
    let mut left = 0;
    for round in 1..=12 {
        let mut process = Process::start(folder.path());
        process.tell("write x.wav");
        for _ in 0..round % 3 + 1 {
            process.answer();
        }
        // Each round kills a little later in the write; only a spin loop hits such short moments.
        let moment = Instant::now() + Duration::from_micros(300 * (round - 1));
        while Instant::now() < moment {
            std::hint::spin_loop();
        }
        // SIGKILL.
        process.child.kill().unwrap();
        process.child.wait().unwrap();
        left += temporary();

        let listed = store.list("", None, 1000).await.unwrap().objects;
        assert!(listed.iter().all(|object| object.key == "x.wav"), "{listed:?}");
        if !listed.is_empty() {
            let got = store.get("x.wav", Read::default()).await.unwrap();
            let written = got.object.metadata["round"].parse::<u8>().unwrap();
            let bytes = got.bytes().await.unwrap();
            assert!(bytes.len() == LARGE && bytes.iter().all(|byte| *byte == written), "{written}");
        }
        store.remove_leftovers().await.unwrap();
        assert_eq!(temporary(), 0);
    }
    assert!(left > 0, "no kill came in the middle of a write");
    // Its locks are released.
    store.put("x.wav", Put::new("x", "audio/wav")).await.unwrap();
}

#[tokio::test]
async fn leftovers_are_removed_and_writes_in_progress_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = FsStore::new(folder.path()).unwrap();
    let leftover = folder.path().join("a/.verbatim-killed.tmp");
    std::fs::create_dir(folder.path().join("a")).unwrap();
    std::fs::write(&leftover, "half").unwrap();
    std::fs::write(folder.path().join("a/x.tmp"), "not ours").unwrap();
    let mut process = Process::start(folder.path());
    process.tell("write b/x.wav");
    for _ in 0..5 {
        process.answer();
        store.remove_leftovers().await.unwrap();
    }
    // The process would have failed if its temporary file had been removed.
    process.answer();
    assert!(!leftover.exists() && folder.path().join("a/x.tmp").exists());
}
