//! One job over recordings, from its manifest to the check of its results.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::node::{DEADLINE, Node, wait};
use crate::recordings::without_times;

/// Lines of the store's log that may be unreadable: at most 4 of 1,136 writes were.
const UNREADABLE: usize = 32;

/// Pod template with this CPU limit, so that a job takes some time even on a machine with many processors.
pub fn template(cpu: &str) -> Value {
    json!({"spec": {"containers": [{"name": "worker", "resources": {
        "requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": cpu, "memory": "1Gi"}}}]}})
}

/// Applies a job over the recordings below `source`, with its transcripts below the same prefix. `more` is
/// merged into its spec.
pub fn apply(node: &Node, namespace: &str, name: &str, source: &str, more: Value) {
    let mut spec = json!({
        "source": {"s3": {"bucket": "calls", "prefix": source}},
        "destination": {"s3": {"bucket": "transcripts", "prefix": source}, "formats": ["JSON", "TXT"]},
        "storage": {"endpoint": node.endpoint(), "region": "us-east-1", "forcePathStyle": true,
                    "credentialsSecretRef": {"name": "s3"}},
        "scaling": {"minWorkers": 1, "maxWorkers": 3, "targetCompletionSeconds": 10},
        // Never reached, but the metrics of deadlines exist.
        "activeDeadlineSeconds": 3600,
        "template": template("1"),
    });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let job = json!({"apiVersion": "verbatim.dev/v1alpha1", "kind": "TranscriptionJob",
        "metadata": {"name": name, "namespace": namespace}, "spec": spec});
    node.send(&["apply", "-f", "-"], &job.to_string());
}

/// A job in its own namespace.
pub struct Run<'a> {
    pub node: &'a Node,
    pub name: String,
    keys: BTreeSet<String>,
    /// Bytes of the store's log that precede this job.
    logged: usize,
    /// Transcripts that existed when the job was disturbed, with the file attributes that show whether they
    /// were written again.
    committed: BTreeMap<PathBuf, (u64, i64, i64)>,
}

impl<'a> Run<'a> {
    /// Uploads the recordings, and applies a job over them. `more` is merged into its spec.
    pub fn start(node: &'a Node, name: &str, recordings: &[PathBuf], more: Value) -> Self {
        node.namespace(name);
        Self::start_there(node, name, recordings, more)
    }

    /// Same as [`Run::start`], in an existing namespace.
    pub fn start_there(node: &'a Node, name: &str, recordings: &[PathBuf], more: Value) -> Self {
        for bucket in ["calls", "transcripts"] {
            node.empty(bucket, name);
        }
        node.upload(&format!("{name}/"), recordings);
        let keys =
            recordings.iter().map(|file| format!("{name}/{}", file.file_name().unwrap().to_str().unwrap()));
        let logged = node.store_log().len();
        let run =
            Self { node, name: name.to_owned(), keys: keys.collect(), logged, committed: BTreeMap::new() };
        run.apply(more);
        run
    }

    fn apply(&self, more: Value) {
        apply(self.node, &self.name, "job", &format!("{}/", self.name), more);
    }

    /// Patches the spec of the job.
    pub fn patch(&self, spec: &Value) {
        let patch = json!({"spec": spec}).to_string();
        self.node.kubectl(&["-n", &self.name, "patch", "tj", "job", "--type=merge", "--patch", &patch]);
    }

    /// Status of the job, if the API server answers.
    pub fn status(&self) -> Option<Value> {
        self.node.json(&["-n", &self.name, "get", "tj", "job"]).ok().map(|job| job["status"].clone())
    }

    /// Waits until the status satisfies `is`.
    #[track_caller]
    pub fn until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        wait(what, || {
            last = self.status()?;
            is(&last).then(|| last.clone())
        })
    }

    /// Folder of the destination in the store.
    pub fn folder(&self) -> PathBuf {
        self.node.bucket("transcripts").join(&self.name)
    }

    fn transcripts(&self) -> BTreeMap<PathBuf, (u64, i64, i64)> {
        let Ok(entries) = std::fs::read_dir(self.folder()) else { return BTreeMap::new() };
        entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let data = path.metadata().ok()?;
                let json = path.extension().is_some_and(|extension| extension == "json") && data.is_file();
                json.then(|| (path, (data.ino(), data.mtime(), data.mtime_nsec())))
            })
            .collect()
    }

    /// Waits until `count` transcripts exist, and records them: none may be written again. Returns their
    /// number.
    #[track_caller]
    pub fn committed(&mut self, count: usize) -> usize {
        wait("some transcripts", || (self.transcripts().len() >= count).then_some(()));
        self.committed = self.transcripts();
        self.committed.len()
    }

    /// Pods of the workers.
    pub fn pods(&self) -> Vec<Value> {
        let pods = self.node.json(&["-n", &self.name, "get", "pods", "-l", "verbatim.dev/job=job"]);
        pods.map(|pods| pods["items"].as_array().cloned().unwrap_or_default()).unwrap_or_default()
    }

    /// Waits for a worker that is running and ready.
    #[track_caller]
    pub fn worker(&self) -> Value {
        wait("a ready worker", || {
            self.pods().into_iter().find(|pod| {
                let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
                pod["metadata"]["deletionTimestamp"].is_null()
                    && conditions.iter().any(|each| each["type"] == "Ready" && each["status"] == "True")
            })
        })
    }

    /// Events of the job, as `Reason: note`.
    pub fn events(&self) -> Vec<String> {
        let events = self.node.json(&["-n", &self.name, "get", "events.events.k8s.io"]).unwrap();
        let all = events["items"].as_array().unwrap().iter();
        all.filter(|event| event["regarding"]["kind"] == "TranscriptionJob")
            .map(|event| {
                format!("{}: {}", event["reason"].as_str().unwrap(), event["note"].as_str().unwrap())
            })
            .collect()
    }

    /// Waits until the job has completed, checks its results, and returns its status.
    #[track_caller]
    pub fn check(&self, reference: &BTreeMap<String, Value>) -> Value {
        let begun = Instant::now();
        let status = loop {
            let status = self.status().unwrap_or_default();
            let phase = status["phase"].as_str().unwrap_or_default();
            if phase == "Complete" {
                break status;
            }
            assert_ne!(phase, "Failed", "{status:#}\n{:#?}", self.events());
            assert!(begun.elapsed() < DEADLINE, "{}: not done: {status:#}\n{:#?}", self.name, self.events());
            std::thread::sleep(Duration::from_millis(500));
        };
        let total = self.keys.len();
        let files = json!({"total": total, "succeeded": total, "failed": 0, "skipped": 0, "remaining": 0});
        assert_eq!(status["files"], files, "{status:#}");
        assert_eq!(self.reported(), self.keys);
        self.same_as(reference);
        self.written_once();
        let now = self.transcripts();
        for (path, before) in &self.committed {
            assert_eq!(now.get(path), Some(before), "{} was written again", path.display());
        }
        status
    }

    /// Keys in the report. Each must occur once and have succeeded.
    fn reported(&self) -> BTreeSet<String> {
        let ledger = self.folder().join(".verbatim");
        let jobs: Vec<PathBuf> =
            std::fs::read_dir(&ledger).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        let report = std::fs::read_to_string(jobs[0].join("report.jsonl")).unwrap();
        let mut keys = BTreeSet::new();
        for line in report.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["result"], "succeeded", "{line}");
            let key = line["key"].as_str().unwrap().to_owned();
            assert!(keys.insert(key.clone()), "{key} is twice in the report");
        }
        keys
    }

    fn same_as(&self, reference: &BTreeMap<String, Value>) {
        for key in &self.keys {
            let name =
                Path::new(key).with_extension("json").file_name().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read(self.folder().join(&name)).unwrap();
            let mut transcript = without_times(&text);
            let mut expected = reference[&name].clone();
            // A key in one, a file name in the other.
            for each in [&mut transcript, &mut expected] {
                each["source"].as_object_mut().unwrap().remove("name");
            }
            assert_eq!(transcript, expected, "{key}");
        }
    }

    /// Checks that each transcript was written once, as far as the store's log is readable: lines of
    /// versitygw sometimes overlap.
    fn written_once(&self) {
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        let prefix = format!("/transcripts/{}/", self.name);
        let log = self.node.store_log();
        for line in log.get(self.logged..).unwrap_or_default().lines() {
            let fields: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, _, "200", _, _, "PUT", path, ..] = fields[..] else { continue };
            if let Some(name) = path.strip_prefix(&prefix).filter(|name| !name.contains(".verbatim")) {
                *times.entry(name.to_owned()).or_default() += 1;
            }
        }
        let entries = std::fs::read_dir(self.folder()).unwrap().flatten();
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file())).count();
        assert_eq!(files, 2 * self.keys.len(), "formats of each recording");
        assert!(times.len() + UNREADABLE >= files, "the log has {} of {files} writes", times.len());
        let twice: Vec<_> = times.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "written more than once: {twice:?}");
    }
}
