//! `verbatim worker`: what a pod runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use verbatim_crds::contract::{TERMINATION_MESSAGE_BYTES, env};
use verbatim_crds::{Manifest, manifest};
use verbatim_ledger::worker::Left;

use crate::cli::args::{self, Worker};
use crate::cli::job::{self, Done, Order};
use crate::cli::run::{load_manifest, manifest_error, wrong_job};
use crate::cli::summary::{self, Facts};
use crate::cli::{CommandError, Loader, exit, say::Say};
use crate::local::job::engine_options;
use crate::local::plan::LeftOut;
use crate::supervisor::policy::Policy;
use crate::worker::batch::Local;

/// What a worker tells whoever looks at its pod: the container's termination message.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    /// The exit code.
    exit: u8,
    /// Why it left, in one word.
    left: &'static str,
    /// What is wrong, if something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    succeeded: usize,
    skipped: usize,
    failed: usize,
    audio_seconds: u64,
}

/// Works on a job until nothing can be claimed. Gives the exit code.
///
/// # Errors
/// [`CommandError`].
pub fn worker(options: &Worker, say: &Say, load: Loader) -> Result<u8, CommandError> {
    let outcome = work(options, say, load);
    let message = match &outcome {
        Ok((code, done)) => Message {
            exit: *code,
            left: match done.left {
                Left::Complete(_) => "Complete",
                Left::NothingToClaim => "NothingToClaim",
                Left::Drained => "Drained",
            },
            message: None,
            succeeded: done.tally.done,
            skipped: done.tally.skipped,
            failed: done.tally.failures(),
            audio_seconds: done.tally.audio_seconds as u64,
        },
        Err(error) => Message {
            exit: error.exit_code(),
            left: "Error",
            message: Some(error.to_string()),
            ..Message::default()
        },
    };
    leave_message(&options.termination_log, message);
    outcome.map(|(code, _)| code)
}

fn work(options: &Worker, say: &Say, load: Loader) -> Result<(u8, Done), CommandError> {
    let (manifest, base) = manifest_of(options)?;
    let spec = &manifest.job.spec;
    let engine = engine_options(spec, &base, options.here.device, args::threads(options.here.threads))
        .map_err(|error| wrong_job(&error))?;
    let spool = spool(options.here.spool.as_deref())?;
    let order = Order {
        job: &manifest.job,
        base: &base,
        engine,
        policy: options.operation.apply(Policy::new(&spec.recycle, &spec.failure_policy)),
        local: Local {
            stay: false,
            lease: Duration::from_secs_f64(options.ledger.lease),
            spool: spool.path().to_owned(),
        },
        http: options.operation.http.clone(),
    };
    let done = job::work(&order, say, load)?;
    say.line(&summary::summary(&done.tally, &facts(&done)));
    let code = match done.left {
        Left::Drained => job::drained(done.signal, true).unwrap_or(exit::DRAINED),
        Left::Complete(_) | Left::NothingToClaim => exit::DONE,
    };
    Ok((code, done))
}

/// What a summary says beside the counts.
pub fn facts(done: &Done) -> Facts {
    Facts {
        elapsed: done.elapsed,
        loading: done.loading,
        peak_memory: done.peak_memory,
        replaced: done.replaced.clone(),
        left_out: LeftOut::default(),
        // What others do is not undone.
        interrupted: false,
    }
}

/// A folder for recordings that are fetched; it goes when it is dropped.
///
/// # Errors
/// [`CommandError::Configuration`] where none can be made.
pub fn spool(parent: Option<&Path>) -> Result<tempfile::TempDir, CommandError> {
    let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
    let folder = tempfile::Builder::new().prefix("verbatim-spool-").tempdir_in(&parent);
    folder.map_err(|error| {
        CommandError::Configuration(format!("failed to make a spool in {}: {error}", parent.display()))
    })
}

/// The manifest from the file, or from the environment.
fn manifest_of(options: &Worker) -> Result<(Manifest, PathBuf), CommandError> {
    if let Some(file) = &options.file {
        return Ok((load_manifest(file)?, manifest::base(file).to_owned()));
    }
    let text = std::env::var(env::JOB).map_err(|_| {
        CommandError::Usage(format!("there is no job: name a manifest with --file, or set {}", env::JOB))
    })?;
    let manifest = manifest::parse(&text).map_err(|error| manifest_error(Path::new(env::JOB), &error))?;
    Ok((manifest, PathBuf::from(".")))
}

/// Writes the termination message, where there is a file for it. It is for people and the operator: a worker does not fail
/// for it.
fn leave_message(path: &Path, mut message: Message) {
    if !path.exists() {
        return;
    }
    let mut json = serde_json::to_vec(&message).unwrap_or_default();
    while json.len() > TERMINATION_MESSAGE_BYTES {
        // Everything else has a bound.
        let Some(text) = &mut message.message else { return };
        let half = text.chars().count() / 2;
        *text = text.chars().take(half).collect();
        json = serde_json::to_vec(&message).unwrap_or_default();
    }
    if let Err(error) = std::fs::write(path, json) {
        tracing::warn!("failed to write the termination message: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_and_stays_json() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("termination-log");
        std::fs::write(&path, "").unwrap();
        let message = Message { message: Some("\u{1}\"ä".repeat(9_000)), ..Message::default() };
        leave_message(&path, message);
        let written = std::fs::read(&path).unwrap();
        assert!(written.len() <= TERMINATION_MESSAGE_BYTES && written.len() > 1_000, "{}", written.len());
        let json: serde_json::Value = serde_json::from_slice(&written).unwrap();
        assert!(json["message"].as_str().unwrap().starts_with("\u{1}\"ä"));
    }
}
