//! Isolation of engines: no credentials, no network, no programs, no writable files.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::machine::alone;
use crate::processes::{Running, not_checked, verbatim, write_speech};

/// Environment variables that an engine may have: paths, settings of libraries, our settings.
const ALLOWED: &[&str] = &[
    "PATH",
    "HOME",
    "XDG_CACHE_HOME",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "TZ",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "GLIBC_TUNABLES",
    "RUST_BACKTRACE",
    "VERBATIM_LOG",
    "VERBATIM_CACHE",
    "VERBATIM_ONNXRUNTIME",
    "VERBATIM_MEMORY_OFF",
    "VERBATIM_SANDBOX_OFF",
    "ORT_DISABLE_TELEMETRY",
];
const ALLOWED_PREFIXES: &[&str] = &["CUDA_", "NVIDIA_", "VERBATIM_GPU_"];

/// Open sockets of a process, as `socket:[12345]`, without duplicates.
fn sockets(pid: u32) -> BTreeSet<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let targets = entries.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    targets
        .map(|target| target.display().to_string())
        .filter(|target| target.starts_with("socket:"))
        .collect()
}

#[test]
fn an_engine_inherits_neither_credentials_nor_sockets() {
    const SECRET: &str = "hunter2-of-the-supervisor";
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    write_speech(&folder.path().join("audio"), 2, 4);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let inherited = listener.as_raw_fd();
    let mut command = verbatim(folder.path());
    command.args(["soak", "audio", "-o", "soak", "--rounds", "1000"]);
    for name in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "GITHUB_TOKEN",
        "TOKEN",
        "VERBATIM_TOKEN",
    ] {
        command.env(name, SECRET);
    }
    command.env("NVIDIA_VISIBLE_DEVICES", "none");
    // SAFETY: between fork and exec only dup is called, which is async-signal-safe.
    unsafe {
        command.pre_exec(move || match libc::dup(inherited) {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
    let mut soak = Running::start(&mut command);
    // At this line the engine has loaded its model.
    soak.wait_for_line("Soaking ");
    let engine = soak.engine();

    let environment = fs::read(format!("/proc/{engine}/environ")).unwrap();
    let environment = String::from_utf8(environment).unwrap();
    assert!(!environment.contains(SECRET), "{}", environment.replace('\0', "\n"));
    let names: Vec<&str> =
        environment.split_terminator('\0').map(|pair| pair.split('=').next().unwrap()).collect();
    for name in &names {
        let allowed =
            ALLOWED.contains(name) || ALLOWED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        assert!(allowed, "{name} is not allowed in an engine");
    }
    assert!(names.contains(&"NVIDIA_VISIBLE_DEVICES"), "settings of libraries are missing: {names:?}");

    let supervisors = sockets(soak.pid());
    assert!(supervisors.len() >= 2, "the supervisor has not inherited the test's socket: {supervisors:?}");
    let engines = sockets(engine);
    assert_eq!(engines.len(), 1, "{engines:?}");
    assert!(
        supervisors.is_disjoint(&engines),
        "the engine has more than its end of the socket pair: {engines:?}"
    );

    let tasks = fs::read_dir(format!("/proc/{engine}/task")).unwrap();
    let threads: Vec<String> =
        tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap()).collect();
    assert!(threads.len() > 1);
    let mode = |status: &str, name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        line.map(str::to_owned)
    };
    if mode(&threads[0], "Seccomp:").is_none() {
        not_checked("that engines run under a seccomp filter: this kernel has none");
        return;
    }
    for status in &threads {
        assert_eq!(mode(status, "Seccomp:").as_deref(), Some("2"), "{status}");
        assert_eq!(mode(status, "NoNewPrivs:").as_deref(), Some("1"), "{status}");
    }
}

/// Environment variable with the folder of the child process, which runs the same test.
const CHILD: &str = "VERBATIM_ISOLATION_TEST_FOLDER";
/// Environment variable with the port on which the parent listens.
const PORT: &str = "VERBATIM_ISOLATION_TEST_PORT";

/// Forbidden operations, by name, and their results.
fn attempts(folder: &Path, port: &str) -> Vec<(&'static str, io::Result<()>)> {
    let parent = nix::unistd::getppid();
    let signalled = nix::sys::signal::kill(parent, nix::sys::signal::Signal::SIGCONT);
    vec![
        ("network: connect over TCP", TcpStream::connect(format!("127.0.0.1:{port}")).map(drop)),
        ("network: listen on TCP", TcpListener::bind("127.0.0.1:0").map(drop)),
        ("network: bind a UDP socket", UdpSocket::bind("127.0.0.1:0").map(drop)),
        ("network: connect to a Unix socket", UnixStream::connect(folder.join("socket")).map(drop)),
        ("network: listen on a Unix socket", UnixListener::bind(folder.join("new")).map(drop)),
        ("network: a pair of Unix sockets", UnixStream::pair().map(drop)),
        ("programs: run", Command::new("true").status().map(drop)),
        ("programs: run by path", Command::new("/bin/sh").args(["-c", ":"]).status().map(drop)),
        ("files: make", fs::write(folder.join("made"), "x")),
        ("files: change", fs::OpenOptions::new().write(true).open(folder.join("file")).map(drop)),
        (
            "files: truncate",
            fs::OpenOptions::new().write(true).truncate(true).open(folder.join("file")).map(drop),
        ),
        ("files: rename", fs::rename(folder.join("second"), folder.join("other"))),
        ("files: remove", fs::remove_file(folder.join("third"))),
        ("files: make a folder", fs::create_dir(folder.join("folder"))),
        ("files: link", std::os::unix::fs::symlink("/", folder.join("link"))),
        ("signals: to the parent", signalled.map_err(io::Error::from)),
    ]
}

/// Attempts every operation before and after confinement and prints the results. Runs in the child process.
fn attempt_all(folder: &Path) {
    let port = std::env::var(PORT).unwrap();
    // Without the sandbox every operation has to succeed, or the attempts would prove nothing.
    for (what, result) in attempts(&folder.join("free"), &port) {
        println!("FREE {what}: {result:?}");
    }
    let measures = verbatim_engine::process::enter_sandbox();
    println!("MEASURES {}", measures.join("; "));
    for (what, result) in attempts(&folder.join("confined"), &port) {
        println!("CONFINED {what}: {:?}", result.map_err(|error| error.kind()));
    }
    println!("READ {:?}", fs::read_to_string(folder.join("confined/file")));
}

#[test]
fn a_confined_process_is_denied_every_operation() {
    if let Some(folder) = std::env::var_os(CHILD).map(PathBuf::from) {
        attempt_all(&folder);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut listeners = Vec::new();
    for name in ["free", "confined"] {
        let folder = folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        for file in ["file", "second", "third"] {
            fs::write(folder.join(file), "a recording").unwrap();
        }
        listeners.push(UnixListener::bind(folder.join("socket")).unwrap());
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "isolation::a_confined_process_is_denied_every_operation", "--nocapture"])
        .env(CHILD, folder.path())
        .env(PORT, port)
        .env_remove("VERBATIM_SANDBOX_OFF")
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}");

    let lines_of = |prefix: &str| -> Vec<String> {
        // The test harness prints the name of a test without a line break.
        stdout.lines().filter_map(|line| Some(line.split_once(prefix)?.1.to_owned())).collect()
    };
    let free = lines_of("FREE ");
    assert!(free.len() == 16 && free.iter().all(|line| line.ends_with(": Ok(())")), "{free:#?}");
    let measures = lines_of("MEASURES ").remove(0);
    let confined = lines_of("CONFINED ");
    assert_eq!(confined.len(), free.len());
    let has = |measure: &str| measures.contains(measure);
    let filter = has("seccomp filter: no network, no programs");
    let landlock = has("landlock: no writes, no programs");
    for (kind, applies) in [
        ("network: ", filter),
        ("programs: ", filter || landlock),
        ("files: ", landlock),
        ("signals: ", has("no signals to other processes")),
    ] {
        if !applies {
            not_checked(&format!("that an engine is denied {kind}this kernel supports only: {measures}"));
            continue;
        }
        let lines: Vec<_> = confined.iter().filter(|line| line.starts_with(kind)).collect();
        assert!(!lines.is_empty());
        for line in lines {
            assert!(line.ends_with("Err(PermissionDenied)"), "{line}; {measures}");
        }
    }
    assert_eq!(lines_of("READ "), [r#"Ok("a recording")"#]);
    if landlock {
        let mut names: Vec<_> =
            fs::read_dir(folder.path().join("confined")).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["file", "second", "socket", "third"]);
        assert_eq!(fs::read_to_string(folder.path().join("confined/file")).unwrap(), "a recording");
    }
}
