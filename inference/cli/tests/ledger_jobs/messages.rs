//! What a worker tells the operator: `/job`, its farewell, its exit code, its name.
#![allow(clippy::unwrap_used, reason = "a test may fail so, helpers of it included")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use crate::bucket::Bucket;
use crate::processes::{Running, wait_for};
use nix::sys::signal::Signal;
use verbatim_crds::contract::messages::{Cause, ExitReason, JobProgress, LedgerPhase, TerminationMessage};
use verbatim_testing::proxy::{Faults, Proxy, Signer};
use verbatim_testing::versitygw::VersityGw;

/// Recordings of a job that takes some seconds, one that is none included.
const FILES: usize = 120;

/// `GET /job` of a server.
fn job(address: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET /job HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// Runs a worker to its end: its exit code, what it said, what it left.
fn ended(mut command: Command, log: &Path) -> (i32, String, TerminationMessage) {
    fs::write(log, "").unwrap();
    command.arg("--termination-log").arg(log);
    let (code, said) = Running::start(&mut command).end();
    let farewell: TerminationMessage = serde_json::from_slice(&fs::read(log).unwrap()).unwrap();
    assert_eq!(i32::from(farewell.exit), code, "{said}");
    (code, said, farewell)
}

#[test]
fn a_worker_tells_how_far_the_whole_job_is_and_what_came_of_it() {
    let bucket = Bucket::new(FILES - 1);
    bucket.put(vec![("in/broken.wav".to_owned(), b"no audio".to_vec())], None);
    let manifest = bucket.manifest("told", &bucket.server.endpoint(), "");
    // A job of seconds: one worker makes the plan and begins, so that the first look of the next one sees both.
    let mut first = bucket.start("worker", &manifest, &["--grace-period", "20"]);
    wait_for("a transcript", || bucket.objects("told").keys().any(|key| key.ends_with(".txt")).then_some(()));
    first.signal(Signal::SIGTERM);
    let (code, said) = first.end();
    assert_eq!(code, 75, "{said}");

    let log = bucket.folder.path().join("termination-log");
    fs::write(&log, "").unwrap();
    let mut worker = Running::start(
        bucket
            .command("worker", &manifest)
            .args(["--threads", "1", "--http", "127.0.0.1:0", "--termination-log"])
            .arg(&log)
            .env("VERBATIM_WORKER", "told-0-x7k2p"),
    );
    let line = worker.hear("Serving http://");
    let address = line["Serving http://".len()..].split('/').next().unwrap().to_owned();
    let seen: JobProgress = wait_for("an answer", || {
        let (code, body) = job(&address)?;
        assert!(code == 200 || code == 503, "{code}: {body}");
        (code == 200).then(|| serde_json::from_str(&body).unwrap())
    });
    assert_eq!((seen.phase, seen.files), (LedgerPhase::Running, FILES as u64), "{seen:?}");
    let done = seen.files - seen.remaining();
    assert!(done > 0 && done < seen.files && seen.shards > 1 && seen.shards_done <= seen.shards, "{seen:?}");
    assert!(seen.bytes_done > 0 && seen.bytes_done < seen.bytes && seen.report.is_none(), "{seen:?}");
    // Asked again at once, it has not looked again.
    let (_, again) = job(&address).unwrap();
    assert_eq!(serde_json::from_str::<JobProgress>(&again).unwrap(), seen);
    let (code, said) = worker.end();
    assert_eq!(code, 0, "{said}");

    let farewell: TerminationMessage = serde_json::from_slice(&fs::read(&log).unwrap()).unwrap();
    assert_eq!((farewell.exit, farewell.left, farewell.cause), (0, ExitReason::Complete, None));
    assert_eq!(farewell.succeeded + farewell.failed, FILES as u64 - done);
    let sums = farewell.job.unwrap();
    assert_eq!(
        (sums.phase, sums.files, sums.succeeded, sums.failed),
        (LedgerPhase::Complete, FILES as u64, FILES as u64 - 1, 1)
    );
    assert_eq!(sums.failures_by_reason, [("NotAudio".to_owned(), 1)].into());
    assert_eq!((sums.failures.len(), sums.failures[0].key.as_str()), (1, "in/broken.wav"));
    assert!(sums.report.as_ref().unwrap().starts_with("s3://transcripts/told/.verbatim/"), "{sums:?}");
    let report = bucket.report("told");
    let named = report.values().filter(|line| line["worker"] == "told-0-x7k2p").count() as u64;
    assert_eq!(named, FILES as u64 - done, "{report:?}");

    // One that comes when the job is over has nothing to load, not even where its model is not there.
    let mut late = bucket.command("worker", &manifest);
    late.env("VERBATIM_CACHE", bucket.folder.path().join("empty"));
    let (code, said, farewell) = ended(late, &log);
    assert_eq!((code, farewell.left, farewell.succeeded), (0, ExitReason::Complete, 0), "{said}");
    assert_eq!(farewell.job.unwrap(), sums);
    assert!(said.contains("over already"), "{said}");
}

#[test]
fn what_is_wrong_has_a_cause_and_exit_code_78() {
    let bucket = Bucket::new(1);
    let endpoint = bucket.server.endpoint();
    let proxy = Proxy::start(&endpoint, 1, Faults::none()).unwrap();
    proxy.ignore_conditions(Some(Signer {
        access_key: VersityGw::ACCESS_KEY.to_owned(),
        secret_key: VersityGw::SECRET_KEY.to_owned(),
        region: "us-east-1".to_owned(),
    }));
    let text = fs::read_to_string(bucket.manifest("wrong", &endpoint, "")).unwrap();
    let log = bucket.folder.path().join("termination-log");
    let empty = bucket.folder.path().join("empty");
    let listed = "source: {manifest: {key: gone.txt}, s3";
    for (name, from, to, cause, needle) in [
        ("bucket", "bucket: calls", "bucket: nowhere", Cause::StorageUnavailable, "nowhere"),
        ("closed", endpoint.as_str(), "http://127.0.0.1:9", Cause::StorageUnavailable, "storage.endpoint"),
        ("ignored", &endpoint, &proxy.endpoint(), Cause::ConditionalWritesUnsupported, "allowDuplicateWork"),
        ("model", "  source:", "  model: {name: whisper-9}\n  source:", Cause::ModelUnavailable, "whisper-9"),
        ("pull", "  source:", "  source:", Cause::ModelUnavailable, "verbatim model pull"),
        ("field", "  source:", "  sources: 1\n  source:", Cause::InvalidSpec, "sources"),
        ("tongue", "  source:", "  recognition: {language: de}\n  source:", Cause::InvalidSpec, "de"),
        ("list", "source: {s3", listed, Cause::InvalidSpec, "gone.txt"),
    ] {
        assert!(text.contains(from));
        let path = bucket.folder.path().join(format!("{name}.yaml"));
        fs::write(&path, text.replacen(from, to, 1).replace("name: wrong", &format!("name: {name}")))
            .unwrap();
        let mut command = bucket.command("worker", &path);
        if name == "pull" {
            command.env("VERBATIM_CACHE", &empty);
        }
        let (code, said, farewell) = ended(command, &log);
        assert_eq!(
            (code, farewell.left, farewell.cause),
            (78, ExitReason::Error, Some(cause)),
            "{name}: {said}"
        );
        let message = farewell.message.unwrap();
        assert!(message.contains(needle) && said.contains(&message), "{name}: {said}");
    }
}

#[test]
fn one_that_is_stopped_while_its_store_is_silent_goes_as_drained() {
    let bucket = Bucket::new(1);
    // It takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let manifest = bucket.manifest("silent", &format!("http://{}", silent.local_addr().unwrap()), "");
    let log = bucket.folder.path().join("termination-log");
    fs::write(&log, "").unwrap();
    let mut worker = Running::start(bucket.command("worker", &manifest).arg("--termination-log").arg(&log));
    silent.accept().unwrap();
    worker.signal(Signal::SIGTERM);
    let (code, said) = worker.end();
    assert_eq!(code, 75, "{said}");
    let farewell: TerminationMessage = serde_json::from_slice(&fs::read(&log).unwrap()).unwrap();
    assert_eq!((farewell.exit, farewell.left, farewell.cause), (75, ExitReason::Drained, None));
}
