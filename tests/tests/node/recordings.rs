//! Recordings of the jobs, and their expected transcripts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::node::{root, target};

/// Number of recordings in Debian's prompts, including empty and silent ones.
pub const PROMPTS: usize = 568;

/// Every WAV file of Asterisk's prompts, copied to one folder under names that include their folders.
pub fn prompts() -> &'static [PathBuf] {
    static FILES: OnceLock<Vec<PathBuf>> = OnceLock::new();
    FILES.get_or_init(|| {
        let found = Command::new("python3")
            .args(["-c", "from bench import environment; print(environment.debian_prompts())"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
        let text = String::from_utf8(found.stdout).unwrap();
        let sounds = PathBuf::from(text.lines().last().unwrap()).join("usr/share/asterisk/sounds");
        let folder = target().join("cluster-prompts");
        std::fs::create_dir_all(&folder).unwrap();
        let mut files = Vec::new();
        collect(&sounds, &mut files);
        files.sort();
        let files: Vec<PathBuf> = files
            .into_iter()
            .map(|file| {
                let name = file.strip_prefix(&sounds).unwrap().to_str().unwrap().replace('/', "__");
                let copy = folder.join(name);
                std::fs::copy(&file, &copy).unwrap();
                copy
            })
            .collect();
        assert_eq!(files.len(), PROMPTS);
        files
    })
}

fn collect(folder: &std::path::Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "wav") {
            files.push(path);
        }
    }
}

/// The `verbatim` program that `make build` creates.
pub fn verbatim() -> Command {
    Command::new(target().join("release/verbatim"))
}

/// Results of `verbatim transcribe` for the prompts by name of the transcript, without the parts that differ
/// between two runs.
pub fn reference() -> &'static BTreeMap<String, Value> {
    static REFERENCE: OnceLock<BTreeMap<String, Value>> = OnceLock::new();
    REFERENCE.get_or_init(|| {
        let out = target().join("cluster-reference");
        let _ = std::fs::remove_dir_all(&out);
        let folder = prompts()[0].parent().unwrap();
        // Some recordings are empty and fail: exit code 1.
        let done = verbatim()
            .args(["transcribe", "--quiet", "--formats", "json", "-o"])
            .arg(&out)
            .arg(folder)
            .status();
        assert!(matches!(done.unwrap().code(), Some(0 | 1)));
        let entries = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
        entries
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, without_times(&std::fs::read(&path).unwrap()))
            })
            .collect()
    })
}

/// Transcript without the parts that differ between two runs.
pub fn without_times(json: &[u8]) -> Value {
    let mut transcript: Value = serde_json::from_slice(json).unwrap();
    transcript.as_object_mut().unwrap().remove("processing");
    transcript
}
