//! The recordings, in a bucket of a real S3 server and as files for the reference.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use verbatim_store::s3::Credentials;
use verbatim_store::{ObjectStore, Put, S3Config, S3Store};
use verbatim_testing::versitygw::VersityGw;

use super::container::verbatim;

/// Recordings of Debian's `asterisk-core-sounds-en-wav`, of the version that `bench/debian.lock` pins.
const PROMPTS: usize = 568;

/// A server with the prompts in the bucket `calls`, and an empty bucket `transcripts`.
pub struct Bucket {
    pub server: VersityGw,
    prompts: Vec<(String, PathBuf)>,
    folder: tempfile::TempDir,
}

impl Bucket {
    /// A server with all prompts below `in/`, by their path, such as `in/digits/1.wav`.
    pub fn with_prompts() -> Self {
        Self::with_some(|_| true)
    }

    /// A server with the prompts of these names.
    pub fn with_some(wanted: impl Fn(&str) -> bool) -> Self {
        let root = prompts();
        let mut prompts: Vec<(String, PathBuf)> = files(&root)
            .into_iter()
            .filter(|(name, _)| Path::new(name).extension().is_some_and(|ending| ending == "wav"))
            .collect();
        prompts.sort();
        assert_eq!(prompts.len(), PROMPTS, "{}", root.display());
        prompts.retain(|(name, _)| wanted(name));
        let server = VersityGw::start().unwrap();
        for bucket in ["calls", "transcripts"] {
            server.create_bucket(bucket).unwrap();
        }
        let bucket = Self { server, prompts, folder: tempfile::tempdir().unwrap() };
        bucket.upload();
        bucket
    }

    /// Number of prompts.
    pub fn prompts(&self) -> usize {
        self.prompts.len()
    }

    /// Secret with the server's credentials.
    pub fn secret(&self, name: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
            "stringData": {"AWS_ACCESS_KEY_ID": VersityGw::ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": VersityGw::SECRET_KEY},
        })
    }

    fn upload(&self) {
        let config = S3Config {
            bucket: "calls".to_owned(),
            endpoint: Some(self.server.endpoint()),
            region: Some(VersityGw::REGION.to_owned()),
            force_path_style: true,
            credentials: Credentials::Keys {
                access_key: VersityGw::ACCESS_KEY.to_owned(),
                secret_key: VersityGw::SECRET_KEY.to_owned(),
                session_token: None,
            },
            ..S3Config::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = S3Store::connect(config).await.unwrap();
            for (name, path) in &self.prompts {
                let put = Put::new(fs::read(path).unwrap(), "audio/wav");
                store.put(&format!("in/{name}"), put).await.unwrap();
            }
        });
    }

    /// Objects below a prefix of `transcripts`, by relative key.
    pub fn objects(&self, prefix: &str) -> BTreeMap<String, Vec<u8>> {
        let root = self.server.data().join("transcripts").join(prefix);
        files(&root).into_iter().map(|(key, path)| (key, fs::read(path).unwrap())).collect()
    }

    /// Output of `verbatim transcribe` for the same recordings, through [`without_times`].
    pub fn reference(&self) -> BTreeMap<String, Vec<u8>> {
        let (recordings, out) = (self.folder.path().join("recordings"), self.folder.path().join("reference"));
        for (name, path) in &self.prompts {
            let copy = recordings.join(name);
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(path, copy).unwrap();
        }
        let done = Command::new(verbatim())
            .args(["transcribe", "--quiet", "--formats", "json,srt,vtt,txt", "-o"])
            .args([&out, &recordings])
            .env_remove("VERBATIM_LOG")
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let transcripts = files(&out).into_iter();
        transcripts.map(|(key, path)| (key.clone(), without_times(&key, &fs::read(path).unwrap()))).collect()
    }
}

/// Folder of the prompts, which the bench fetches once.
fn prompts() -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let fetch = Command::new("python3")
        .args(["-c", "from bench.environment import debian_prompts; print(debian_prompts())"])
        .current_dir(repository)
        .output()
        .unwrap_or_else(|error| panic!("failed to run python3, which fetches the prompts: {error}"));
    let errors = String::from_utf8_lossy(&fetch.stderr);
    assert!(fetch.status.success(), "failed to fetch the Asterisk prompts from Debian: {errors}");
    let root = PathBuf::from(String::from_utf8(fetch.stdout).unwrap().trim());
    root.join("usr/share/asterisk/sounds/en_US_f_Allison")
}

/// All files below a folder, by relative path.
fn files(root: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((path.strip_prefix(root).unwrap().to_string_lossy().into_owned(), path));
            }
        }
    }
    found
}

/// A transcript without the fields that differ between runs: its time and duration.
pub fn without_times(key: &str, bytes: &[u8]) -> Vec<u8> {
    if !key.ends_with(".json") {
        return bytes.to_vec();
    }
    let mut transcript: Value = serde_json::from_slice(bytes).unwrap();
    transcript.as_object_mut().unwrap().remove("processing");
    serde_json::to_vec_pretty(&transcript).unwrap()
}

/// Object of the only job's ledger.
pub fn of_report(objects: &BTreeMap<String, Vec<u8>>, name: &str) -> String {
    let end = format!("/{name}");
    let found: Vec<_> = objects.iter().filter(|(key, _)| key.ends_with(&end)).collect();
    assert_eq!(found.len(), 1, "{name}: {:?}", found.iter().map(|(key, _)| key).collect::<Vec<_>>());
    String::from_utf8(found[0].1.clone()).unwrap()
}
