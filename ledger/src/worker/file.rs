//! One recording, from the plan to its outcome.

use verbatim_crds::contract::FailureReason;
use verbatim_crds::destination::{Format, Overwrite};
use verbatim_store::{ETag, ErrorKind, StoreError};

use super::Shared;
use super::commit::{Committed, There, commit};
use super::error::WorkerError;
use super::settings::transcript_key;
use super::spool::{Room, SpoolError};
use super::steps::{Step, Steps};
use super::transcribe::{NotTranscribed, Parts, Spooled, Transcribed};
use crate::objects;
use crate::outcome::Outcome;
use crate::plan::file::PlannedFile;

/// Why nothing became of a file here.
#[derive(Debug)]
pub(crate) enum Undone {
    /// The worker is to stop.
    Interrupted,
    /// The worker cannot go on.
    Broken(WorkerError),
}

/// Does a file, and notes its steps. `suspect`: whether another worker may have committed its transcript since the plan was
/// made.
pub(crate) async fn process(
    shared: &Shared,
    file: &PlannedFile,
    suspect: bool,
    room: Room,
    steps: &mut Steps,
) -> Result<Outcome, Undone> {
    let Some(source) = &file.etag else {
        return Ok(Outcome::failed(FailureReason::NotFound, "there is no such object"));
    };
    if let Some(outcome) = look(shared, file, source, suspect).await? {
        return Ok(outcome);
    }
    let fetch = shared.spool.fetch(shared.source.store.as_ref(), &file.key, source);
    let path = match steps.time(Step::Fetch, fetch).await {
        Ok(path) => path,
        Err(error) => return not_fetched(error),
    };
    let spooled = Spooled { file: file.clone(), path: path.to_path_buf() };
    let handed = steps.elapsed();
    let transcribed = shared.transcriber.transcribe(spooled).await;
    // The room is for others as soon as the engine has let go of the file.
    drop(path);
    drop(room);
    let transcribed = match transcribed {
        Ok(transcribed) => transcribed,
        Err(NotTranscribed::Failed { reason, message, attempts }) => {
            return Ok(Outcome { attempts, ..Outcome::failed(reason, message) });
        }
        Err(NotTranscribed::Interrupted) => return Err(Undone::Interrupted),
        Err(NotTranscribed::Gone(why)) => return Err(Undone::Broken(WorkerError::Engine(why))),
    };
    steps.parts(handed, &transcribed.parts);
    let commit = commit(shared.destination.store.as_ref(), &shared.marks, file, source, &transcribed);
    match steps.time(Step::Commit, commit).await {
        Ok(Committed::Whole) => {
            Ok(Outcome::succeeded(transcribed.audio_milliseconds, transcribed.processing_milliseconds))
        }
        Ok(Committed::Superseded) => Ok(Outcome::skipped("another job has written its transcript meanwhile")),
        Err(error) => not_written(error),
    }
}

/// Looks at what is there for a file; gives its outcome where that is all that it needs.
async fn look(
    shared: &Shared,
    file: &PlannedFile,
    source: &ETag,
    suspect: bool,
) -> Result<Option<Outcome>, Undone> {
    let settings = &shared.settings;
    let evidence = settings.evidence();
    let planned = file.there.get(&evidence);
    if settings.overwrite == Overwrite::Never && planned.is_some() {
        return Ok(Some(Outcome::skipped("its transcript is there already")));
    }
    let may_be_fresh = settings.overwrite == Overwrite::IfStale && planned.is_some();
    if !suspect && !may_be_fresh {
        return Ok(None);
    }
    let there = match shared.destination.store.head(&transcript_key(&file.target, evidence)).await {
        Ok(there) => there,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return not_written(error).map(Some),
    };
    match shared.marks.judge(&there, file, source) {
        // Written since the plan was made, by an owner that was lost.
        There::Ours { audio_milliseconds, processing_milliseconds } if Some(&there.etag) != planned => {
            Ok(Some(Outcome::succeeded(audio_milliseconds, processing_milliseconds)))
        }
        There::Ours { .. } | There::Fresh if settings.overwrite != Overwrite::Always => {
            render_missing(shared, file, source, evidence).await
        }
        There::Ours { .. } | There::Fresh | There::Stale => Ok(None),
    }
}

/// Writes the formats that were not there when the plan was made, from the transcript that is fresh.
async fn render_missing(
    shared: &Shared,
    file: &PlannedFile,
    source: &ETag,
    evidence: Format,
) -> Result<Option<Outcome>, Undone> {
    const FRESH: &str = "its transcript is fresh";
    let formats = shared.settings.ordered_formats();
    let missing: Vec<Format> = formats
        .into_iter()
        .filter(|format| *format != evidence && !file.there.contains_key(format))
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
        Err(error) => return not_written(error).map(Some),
    };
    let Some(formats) = shared.transcriber.render(&json, &missing) else { return Ok(None) };
    let rendered =
        Transcribed { formats, audio_milliseconds: 0, processing_milliseconds: 0, parts: Parts::default() };
    match commit(store, &shared.marks, file, source, &rendered).await {
        Ok(_) => Ok(Some(Outcome::skipped(format!("{FRESH}; missing formats were written from it")))),
        Err(error) => not_written(error).map(Some),
    }
}

fn not_fetched(error: SpoolError) -> Result<Outcome, Undone> {
    let failed = |reason, message: String| Ok(Outcome::failed(reason, message));
    match error {
        SpoolError::Changed { .. } => failed(FailureReason::SourceChanged, error.to_string()),
        SpoolError::Disk { .. } => Err(Undone::Broken(error.into())),
        SpoolError::Store(error) => match error.kind {
            ErrorKind::NotFound => failed(FailureReason::NotFound, error.message),
            ErrorKind::PreconditionFailed => {
                failed(FailureReason::SourceChanged, "it changed after the plan was made".to_owned())
            }
            // Of this object: its own permissions, an archive that it would have to be restored from.
            ErrorKind::AccessDenied => failed(FailureReason::PermissionDenied, error.message),
            ErrorKind::Invalid => failed(FailureReason::ReadFailed, error.message),
            _ => Err(Undone::Broken(error.into())),
        },
    }
}

fn not_written(error: StoreError) -> Result<Outcome, Undone> {
    match error.kind {
        // Of this key: too long, or what the store does not take.
        ErrorKind::Invalid => Ok(Outcome::failed(FailureReason::WriteFailed, error.message)),
        _ => Err(Undone::Broken(error.into())),
    }
}
