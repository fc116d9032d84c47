//! Worker processes over a real S3 server.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::bucket::Bucket;
use crate::machine::{alone, shared};
use crate::processes::{Running, not_checked, wait_for};
use nix::sys::signal::Signal;
use verbatim_testing::proxy::{Fault, Faults, Proxy, Signer};
use verbatim_testing::versitygw::{Certificate, VersityGw};

#[test]
fn three_workers_share_a_bucket() {
    let _machine = shared();
    let bucket = Bucket::new(48);
    let manifest = bucket.manifest("shared", &bucket.server.endpoint(), "");
    let mut runs = [
        bucket.start("run", &manifest, &[]),
        bucket.start("run", &manifest, &[]),
        bucket.start("worker", &manifest, &[]),
    ];
    for run in &mut runs {
        let (code, stderr) = run.end();
        assert_eq!(code, 0, "{stderr}");
    }
    bucket.check("shared", &bucket.reference());
    let left: Vec<String> =
        bucket.objects("shared").into_keys().filter(|key| key.contains("/claims/")).collect();
    assert!(left.is_empty(), "claims are left: {left:?}");
    // The same manifest again is the same job, which is complete.
    let (code, stderr) = bucket.start("run", &manifest, &[]).end();
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("already complete"), "{stderr}");
}

#[test]
fn fresh_transcripts_of_another_job_are_skipped() {
    let _machine = shared();
    let bucket = Bucket::new(9);
    let manifest = bucket.manifest("first", &bucket.server.endpoint(), "");
    assert_eq!(bucket.start("run", &manifest, &[]).end().0, 0);
    // Another job with the same destination.
    let text = std::fs::read_to_string(&manifest)
        .unwrap()
        .replace("metadata: {name: first}", "metadata: {name: second}");
    let again = bucket.folder.path().join("second.yaml");
    std::fs::write(&again, text).unwrap();
    let (code, stderr) = bucket.start("run", &again, &[]).end();
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("The job: 9 files, 0 transcribed, 9 skipped, 0 failed"), "{stderr}");
}

#[test]
fn another_worker_takes_over_from_a_killed_one_and_keeps_its_work() {
    let _machine = shared();
    let bucket = Bucket::new(40);
    let manifest = bucket.manifest("dies", &bucket.server.endpoint(), "");
    let mut first = bucket.start("run", &manifest, &["--lease", "1"]);
    wait_for("some transcripts", || {
        (bucket.objects("dies").keys().filter(|key| key.ends_with(".txt")).count() >= 5).then_some(())
    });
    first.signal(Signal::SIGKILL);
    first.end();
    let (code, stderr) = bucket.start("run", &manifest, &["--lease", "1"]).end();
    assert_eq!(code, 0, "{stderr}");
    bucket.check("dies", &bucket.reference());
}

#[test]
fn a_drained_worker_gives_its_shards_back() {
    let _machine = shared();
    let bucket = Bucket::new(60);
    let manifest = bucket.manifest("drains", &bucket.server.endpoint(), "");
    // A small batch budget keeps the engine busy, so that recordings are queued when the signal arrives.
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replacen("  source:", "  batching: {maxPaddedSeconds: 15}\n  source:", 1))
        .unwrap();
    // Shards that are not given back could be taken over only after an hour.
    let more = ["--lease", "3600", "--grace-period", "20"];
    let mut first = bucket.start("worker", &manifest, &more);
    wait_for("a transcript", || {
        bucket.objects("drains").keys().any(|key| key.ends_with(".txt")).then_some(())
    });
    first.signal(Signal::SIGTERM);
    let (code, stderr) = first.end();
    assert_eq!(code, 75, "{stderr}");
    let (code, stderr) = bucket.start("run", &manifest, &more).end();
    assert_eq!(code, 0, "{stderr}");
    bucket.check("drains", &bucket.reference());
}

#[test]
fn a_store_without_conditional_writes_is_refused_unless_the_job_allows_it() {
    let _machine = shared();
    let bucket = Bucket::new(6);
    let proxy = Proxy::start(&bucket.server.endpoint(), 1, Faults::none()).unwrap();
    proxy.ignore_conditions(Some(Signer {
        access_key: VersityGw::ACCESS_KEY.to_owned(),
        secret_key: VersityGw::SECRET_KEY.to_owned(),
        region: "us-east-1".to_owned(),
    }));
    let manifest = bucket.manifest("refused", &proxy.endpoint(), "");
    let (code, stderr) = bucket.start("run", &manifest, &[]).end();
    assert_eq!(code, 78, "{stderr}");
    assert!(stderr.contains("storage.allowDuplicateWork: true"), "{stderr}");
    let manifest = bucket.manifest("allowed", &proxy.endpoint(), ", allowDuplicateWork: true");
    let mut runs = [bucket.start("run", &manifest, &[]), bucket.start("run", &manifest, &[])];
    for run in &mut runs {
        let (code, stderr) = run.end();
        assert_eq!(code, 0, "{stderr}");
    }
    bucket.check("allowed", &bucket.reference());
}

#[test]
fn store_errors_take_one_line_and_at_most_thirty_seconds() {
    let _alone = alone();
    let bucket = Bucket::new(1);
    let endpoint = bucket.server.endpoint();
    let good = bucket.manifest("good", &endpoint, "");
    let text = std::fs::read_to_string(&good).unwrap();
    let write = |name: &str, from: &str, to: &str| {
        assert!(text.contains(from));
        let path = bucket.folder.path().join(format!("{name}.yaml"));
        std::fs::write(&path, text.replace(from, to)).unwrap();
        path
    };
    type Change = (&'static str, &'static str);
    let cases: [(&str, std::path::PathBuf, Option<Change>, &str); 7] = [
        (
            "wrong secret",
            good.clone(),
            Some(("AWS_SECRET_ACCESS_KEY", "wrong")),
            "storage.credentialsSecretRef",
        ),
        ("unknown key", good.clone(), Some(("AWS_ACCESS_KEY_ID", "nobody")), "storage.credentialsSecretRef"),
        ("wrong region", write("region", "us-east-1", "eu-north-9"), None, "storage.region"),
        ("no bucket", write("bucket", "bucket: calls", "bucket: nowhere"), None, "nowhere"),
        ("closed port", write("closed", &endpoint, "http://127.0.0.1:9"), None, "storage.endpoint"),
        ("no such host", write("host", &endpoint, "http://nowhere.invalid"), None, "storage.endpoint"),
        ("not http", write("tls", &endpoint, &endpoint.replace("http:", "https:")), None, "storage.endpoint"),
    ];
    for (name, manifest, change, needle) in cases {
        let mut command = bucket.command("run", &manifest);
        if let Some((variable, value)) = change {
            command.env(variable, value);
        }
        is_refused(name, command, needle);
    }
}

/// Checks that a command ends within 30 s, that is without retrying for minutes, with exit code 78 and with
/// one line that names the field to fix.
#[track_caller]
fn is_refused(name: &str, mut command: Command, needle: &str) {
    let started = Instant::now();
    let (code, stderr) = Running::start(&mut command).end();
    assert_eq!(code, 78, "{name}: {stderr}");
    assert!(started.elapsed() < Duration::from_secs(30), "{name}: {:?}", started.elapsed());
    assert_eq!(stderr.trim().lines().count(), 1, "{name}: {stderr}");
    assert!(stderr.contains(needle), "{name}: {stderr}");
}

#[test]
fn an_expired_token_is_reported_in_one_line() {
    let _alone = alone();
    const ANSWER: &str = "<Error><Code>ExpiredToken</Code><Message>The token is over.</Message></Error>";
    let bucket = Bucket::new(1);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let manifest = bucket.manifest("token", &format!("http://{}", listener.local_addr().unwrap()), "");
    // Ends with the process of the tests.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 8 << 10]);
            let length = ANSWER.len();
            let _ = write!(
                stream,
                "HTTP/1.1 400 Bad Request\r\nContent-Type: application/xml\r\nContent-Length: {length}\r\n\
                 Connection: close\r\n\r\n{ANSWER}"
            );
        }
    });
    let mut command = bucket.command("run", &manifest);
    command.env("AWS_SESSION_TOKEN", "of yesterday");
    is_refused("expired", command, "storage.credentialsSecretRef");
}

#[test]
fn a_private_certificate_is_refused_until_it_is_named() {
    let _alone = alone();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("ca.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let server = VersityGw::start_tls(Certificate { certificate: &certificate, key: &key }).unwrap();
    let bucket = Bucket { server, folder: tempfile::tempdir().unwrap() };
    for name in ["calls", "transcripts"] {
        bucket.server.create_bucket(name).unwrap();
    }
    let manifest = bucket.manifest("own", &bucket.server.endpoint(), "");
    is_refused("own", bucket.command("run", &manifest), "storage.caBundleRef");
    crate::bucket::write_recordings(&bucket.recordings(), 2);
    let recording =
        |name: &str| (format!("in/{name}"), std::fs::read(bucket.recordings().join(name)).unwrap());
    bucket.put(vec![recording("000.wav"), recording("001.wav")], Some(certificate.clone()));
    let mut command = bucket.command("run", &manifest);
    command.env("AWS_CA_BUNDLE", &certificate);
    let (code, stderr) = Running::start(&mut command).end();
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(bucket.report("own").len(), 2);
}

#[test]
fn an_unreliable_network_loses_nothing() {
    let _machine = shared();
    let bucket = Bucket::new(24);
    let proxy = Proxy::start(&bucket.server.endpoint(), 7, Faults::all(0.15)).unwrap();
    let manifest = bucket.manifest("network", &proxy.endpoint(), "");
    let mut runs = [bucket.start("run", &manifest, &[]), bucket.start("run", &manifest, &[])];
    for run in &mut runs {
        let (code, stderr) = run.end_within(Duration::from_secs(240));
        assert_eq!(code, 0, "{stderr}");
    }
    bucket.check("network", &bucket.reference());
    let counts = proxy.counts();
    if Fault::ALL.iter().any(|fault| counts.faults.get(fault).is_none_or(|count| *count == 0)) {
        not_checked(&format!("each kind of fault: {:?}", counts.faults));
    }
}
