//! Fixture of jobs over a real S3 server: recordings, manifests, workers, and checks of the results.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use verbatim_store::s3::Credentials;
use verbatim_store::{ObjectStore, Put, S3Config, S3Store};
use verbatim_testing::versitygw::VersityGw;

use crate::processes::{Running, verbatim, write_mono};
use verbatim_fixtures::decoded::samples;
use verbatim_fixtures::model::sample;

/// A server with the buckets `calls` (with recordings) and `transcripts`, and a folder for manifests.
pub(crate) struct Bucket {
    pub(crate) server: VersityGw,
    pub(crate) folder: tempfile::TempDir,
}

impl Bucket {
    /// Starts a server with a number of recordings in `calls/in/`: pieces of speech of some seconds, all
    /// different.
    pub(crate) fn new(recordings: usize) -> Self {
        let server = VersityGw::start().unwrap();
        for bucket in ["calls", "transcripts"] {
            server.create_bucket(bucket).unwrap();
        }
        let bucket = Self { server, folder: tempfile::tempdir().unwrap() };
        write_recordings(&bucket.recordings(), recordings);
        bucket.upload();
        bucket
    }

    /// Folder of the recordings.
    pub(crate) fn recordings(&self) -> PathBuf {
        self.folder.path().join("recordings")
    }

    /// Uploads the recordings.
    pub(crate) fn upload(&self) {
        let objects = fs::read_dir(self.recordings()).unwrap().map(|entry| {
            let path = entry.unwrap().path();
            (format!("in/{}", path.file_name().unwrap().to_str().unwrap()), fs::read(&path).unwrap())
        });
        self.put(objects.collect(), None);
    }

    /// Uploads objects to the bucket `calls` over S3: files that are written into the server's folder have no
    /// ETag.
    pub(crate) fn put(&self, objects: Vec<(String, Vec<u8>)>, ca_bundle: Option<PathBuf>) {
        let config = S3Config {
            bucket: "calls".to_owned(),
            endpoint: Some(self.server.endpoint()),
            region: Some("us-east-1".to_owned()),
            force_path_style: true,
            credentials: Credentials::Keys {
                access_key: VersityGw::ACCESS_KEY.to_owned(),
                secret_key: VersityGw::SECRET_KEY.to_owned(),
                session_token: None,
            },
            ca_bundle,
            ..S3Config::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = S3Store::connect(config).await.unwrap();
            for (key, bytes) in objects {
                store.put(&key, Put::new(bytes, "application/octet-stream")).await.unwrap();
            }
        });
    }

    /// Writes a manifest for a server at `endpoint`. `more` is appended to `storage`.
    pub(crate) fn manifest(&self, name: &str, endpoint: &str, more: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.yaml"));
        let text = format!(
            "apiVersion: verbatim.dev/v1alpha1\nkind: TranscriptionJob\nmetadata: {{name: {name}}}\nspec:\n  \
             source: {{s3: {{bucket: calls, prefix: in/}}}}\n  \
             destination: {{s3: {{bucket: transcripts, prefix: {name}/}}, formats: [JSON, TXT]}}\n  \
             storage: {{endpoint: \"{endpoint}\", forcePathStyle: true, region: us-east-1{more}}}\n"
        );
        fs::write(&path, text).unwrap();
        path
    }

    /// A command of the program, with the server's credentials.
    pub(crate) fn command(&self, command: &str, manifest: &Path) -> Command {
        let mut program = verbatim(self.folder.path());
        program
            .args([command, "-f"])
            .arg(manifest)
            .env("AWS_ACCESS_KEY_ID", VersityGw::ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", VersityGw::SECRET_KEY);
        program
    }

    /// Starts a worker with one thread.
    pub(crate) fn start(&self, command: &str, manifest: &Path, more: &[&str]) -> Running {
        Running::start(self.command(command, manifest).args(["--threads", "1"]).args(more))
    }

    /// Objects of a job's destination, by key below `transcripts/<name>/`.
    pub(crate) fn objects(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let root = self.server.data().join("transcripts").join(name);
        let mut objects = BTreeMap::new();
        for entry in walkdir::WalkDir::new(&root).into_iter().flatten() {
            if entry.file_type().is_file() {
                let key = entry.path().strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                objects.insert(key, fs::read(entry.path()).unwrap());
            }
        }
        objects
    }

    /// Lines of a job's report, by key. Checks that each key occurs once.
    #[track_caller]
    pub(crate) fn report(&self, name: &str) -> BTreeMap<String, Value> {
        let objects = self.objects(name);
        let reports: Vec<_> = objects.iter().filter(|(key, _)| key.ends_with("/report.jsonl")).collect();
        assert_eq!(reports.len(), 1, "{:?}", objects.keys());
        let mut lines = BTreeMap::new();
        for line in std::str::from_utf8(reports[0].1).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let key = line["key"].as_str().unwrap().to_owned();
            assert!(lines.insert(key.clone(), line).is_none(), "{key} occurs twice in the report");
        }
        lines
    }

    /// Transcripts of the same recordings by `verbatim transcribe`, without the parts that differ between
    /// runs: the expected results of workers.
    pub(crate) fn reference(&self) -> BTreeMap<String, Value> {
        let out = self.folder.path().join("reference");
        let done = verbatim(self.folder.path())
            .args(["transcribe", "--quiet", "--formats", "json", "-o"])
            .arg(&out)
            .arg(self.recordings())
            .status()
            .unwrap();
        assert!(done.success());
        fs::read_dir(&out)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, without_times(&fs::read(&path).unwrap()))
            })
            .collect()
    }

    /// Checks that a job is done: every recording succeeded and occurs once in the report, every transcript
    /// is whole and equals the reference.
    #[track_caller]
    pub(crate) fn check(&self, name: &str, reference: &BTreeMap<String, Value>) {
        let report = self.report(name);
        let failed: Vec<_> = report.values().filter(|line| line["result"] != "succeeded").collect();
        assert!(failed.is_empty(), "{failed:?}");
        let keys: BTreeSet<String> =
            reference.keys().map(|name| format!("in/{}", name.replace(".json", ".wav"))).collect();
        assert_eq!(report.keys().cloned().collect::<BTreeSet<_>>(), keys);
        let objects = self.objects(name);
        let object = |key: &str| {
            let line = &report[&format!("in/{}.wav", key.split('.').next().unwrap())];
            objects.get(key).unwrap_or_else(|| panic!("{key} does not exist; its line in the report: {line}"))
        };
        for (file, expected) in reference {
            assert_eq!(without_times(object(file)), *expected, "{file}");
            let text = String::from_utf8(object(&file.replace(".json", ".txt")).clone()).unwrap();
            let joined: Vec<&str> = text.lines().collect();
            assert_eq!(joined.join(" "), expected["text"].as_str().unwrap(), "{file}");
        }
    }
}

/// Writes pieces of speech of 2 to 5 seconds, all different.
pub(crate) fn write_recordings(folder: &Path, count: usize) {
    fs::create_dir_all(folder).unwrap();
    let all = samples(&sample("two_cities.wav"));
    for number in 0..count {
        let length = 16_000 * (2 + number % 4);
        let begin = (number * 7_919) % (all.len() - length);
        write_mono(&folder.join(format!("{number:03}.wav")), &all[begin..begin + length]);
    }
}

/// A transcript without the parts that differ between runs.
pub(crate) fn without_times(json: &[u8]) -> Value {
    let mut transcript: Value = serde_json::from_slice(json).unwrap();
    transcript.as_object_mut().unwrap().remove("processing");
    transcript
}
