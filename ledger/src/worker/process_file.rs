//! One recording, from the plan to its outcome.

use verbatim_crds::contract::FailureReason;
use verbatim_crds::destination::{Format, Overwrite};
use verbatim_store::{ETag, ErrorKind, StoreError};

use super::commit::{CommitResult, Existing, commit};
use super::context::Shared;
use super::error::{SpoolError, WorkerError};
use super::recording_spool::SpoolPermit;
use super::timings::{FileTimings, Step};
use super::transcribe::{EngineTimes, NotTranscribed, SpooledRecording, Transcribed};
use crate::objects;
use crate::outcome::Outcome;
use crate::plan::naming::transcript_key;
use crate::plan::planned_file::PlannedFile;

/// Reason for which a file has no outcome.
#[derive(Debug)]
pub(crate) enum Incomplete {
    /// The worker was told to stop.
    Interrupted,
    /// The worker cannot go on.
    Failed(WorkerError),
}

/// Processes a file and records the timings of its steps. `suspect`: another worker may have committed the
/// transcript since the plan was made.
pub(crate) async fn process(
    shared: &Shared,
    file: &PlannedFile,
    suspect: bool,
    permit: SpoolPermit,
    timings: &mut FileTimings,
) -> Result<Outcome, Incomplete> {
    let Some(source) = &file.etag else {
        return Ok(Outcome::failed(FailureReason::NotFound, "there is no such object"));
    };
    if let Some(outcome) = check_existing(shared, file, source, suspect).await? {
        return Ok(outcome);
    }
    let fetch = shared.spool.fetch(shared.source.store.as_ref(), &file.key, source);
    let path = match timings.measure(Step::Fetch, fetch).await {
        Ok(path) => path,
        Err(error) => return fetch_failed(error),
    };
    let spooled = SpooledRecording { file: file.clone(), path: path.to_path_buf() };
    let handed = timings.elapsed();
    let transcribed = shared.transcriber.transcribe(spooled).await;
    // The permit is free for others as soon as the engine is done with the file.
    drop(path);
    drop(permit);
    let transcribed = match transcribed {
        Ok(transcribed) => transcribed,
        Err(NotTranscribed::Failed { reason, message, attempts }) => {
            return Ok(Outcome { attempts, ..Outcome::failed(reason, message) });
        }
        Err(NotTranscribed::Interrupted) => return Err(Incomplete::Interrupted),
        Err(NotTranscribed::NoEngine(why)) => return Err(Incomplete::Failed(WorkerError::Engine(why))),
    };
    timings.add_engine_times(handed, &transcribed.times);
    let commit = commit(shared.destination.store.as_ref(), &shared.provenance, file, source, &transcribed);
    match timings.measure(Step::Commit, commit).await {
        Ok(CommitResult::Committed) => {
            Ok(Outcome::succeeded(transcribed.audio_milliseconds, transcribed.processing_milliseconds))
        }
        Ok(CommitResult::Superseded) => Ok(Outcome::skipped("another job wrote its transcript meanwhile")),
        Err(error) => write_failed(error),
    }
}

/// Checks the existing transcript. Returns the outcome if the file needs no work.
async fn check_existing(
    shared: &Shared,
    file: &PlannedFile,
    source: &ETag,
    suspect: bool,
) -> Result<Option<Outcome>, Incomplete> {
    let settings = &shared.settings;
    let evidence = settings.evidence();
    let planned = file.existing.get(&evidence);
    if settings.overwrite == Overwrite::Never && planned.is_some() {
        return Ok(Some(Outcome::skipped("its transcript exists")));
    }
    let may_be_fresh = settings.overwrite == Overwrite::IfStale && planned.is_some();
    if !suspect && !may_be_fresh {
        return Ok(None);
    }
    let existing = match shared.destination.store.head(&transcript_key(&file.target, evidence)).await {
        Ok(existing) => existing,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return write_failed(error).map(Some),
    };
    match shared.provenance.classify(&existing, file, source) {
        // Written since the plan was made, by a lost owner.
        Existing::Ours { audio_milliseconds, processing_milliseconds } if Some(&existing.etag) != planned => {
            Ok(Some(Outcome::succeeded(audio_milliseconds, processing_milliseconds)))
        }
        Existing::Ours { .. } | Existing::Fresh if settings.overwrite != Overwrite::Always => {
            render_missing(shared, file, source, evidence).await
        }
        Existing::Ours { .. } | Existing::Fresh | Existing::Stale => Ok(None),
    }
}

/// Writes the formats that were missing when the plan was made, from the fresh transcript.
async fn render_missing(
    shared: &Shared,
    file: &PlannedFile,
    source: &ETag,
    evidence: Format,
) -> Result<Option<Outcome>, Incomplete> {
    const FRESH: &str = "its transcript is fresh";
    let formats = shared.settings.ordered_formats();
    let missing: Vec<Format> = formats
        .into_iter()
        .filter(|format| *format != evidence && !file.existing.contains_key(format))
        .collect();
    if missing.is_empty() {
        return Ok(Some(Outcome::skipped(FRESH)));
    }
    if evidence != Format::Json {
        return Ok(None);
    }
    let key = transcript_key(&file.target, evidence);
    let store = shared.destination.store.as_ref();
    let json = match objects::read(store, &key).await {
        Ok(Some((_, json))) => json,
        Ok(None) => return Ok(None),
        Err(error) => return write_failed(error).map(Some),
    };
    let Some(formats) = shared.transcriber.render(&json, &missing) else { return Ok(None) };
    let rendered = Transcribed {
        formats,
        audio_milliseconds: 0,
        processing_milliseconds: 0,
        times: EngineTimes::default(),
    };
    match commit(store, &shared.provenance, file, source, &rendered).await {
        Ok(_) => Ok(Some(Outcome::skipped(format!("{FRESH}; missing formats were written from it")))),
        Err(error) => write_failed(error).map(Some),
    }
}

fn fetch_failed(error: SpoolError) -> Result<Outcome, Incomplete> {
    let failed = |reason, message: String| Ok(Outcome::failed(reason, message));
    match error {
        SpoolError::Changed { .. } => failed(FailureReason::SourceChanged, error.to_string()),
        SpoolError::Disk { .. } => Err(Incomplete::Failed(error.into())),
        SpoolError::Store(error) => match error.kind {
            ErrorKind::NotFound => failed(FailureReason::NotFound, error.message),
            ErrorKind::PreconditionFailed => {
                failed(FailureReason::SourceChanged, "it changed after the plan was made".to_owned())
            }
            // Of this object: its own permissions, or an archive from which it has to be restored.
            ErrorKind::AccessDenied => failed(FailureReason::PermissionDenied, error.message),
            ErrorKind::Invalid => failed(FailureReason::ReadFailed, error.message),
            _ => Err(Incomplete::Failed(error.into())),
        },
    }
}

fn write_failed(error: StoreError) -> Result<Outcome, Incomplete> {
    match error.kind {
        // Of this key: too long, or not supported by the store.
        ErrorKind::Invalid => Ok(Outcome::failed(FailureReason::WriteFailed, error.message)),
        _ => Err(Incomplete::Failed(error.into())),
    }
}
