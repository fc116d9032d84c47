//! Events that a person can follow a job by: what changed from one status to the next. Never one for each file.
//!
//! Each is an object of its own (`events.k8s.io`). The recorder of kube would make a series of those with one reason, and keep
//! the first one's words: "scaled to 3" would stay for ever.

use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Resource, ResourceExt};
use verbatim_crds::conditions::{self, events as reasons, types};
use verbatim_crds::contract::labels;
use verbatim_crds::{TranscriptionJob, TranscriptionJobStatus};

use crate::context::Context;
use crate::decide::{Action, Decision, Finish};
use crate::error::{Error, chain};
use crate::status::recycles;
use crate::words::several;

/// Failed files are told at most so often: a bad source fails thousands in a minute.
pub const TELL_FAILURES: Duration = Duration::from_secs(60);

/// Longest note that the API takes, in bytes.
const NOTE_BYTES: usize = 1024;

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whether somebody should look.
    pub warning: bool,
    /// In one word.
    pub reason: &'static str,
    /// In a sentence.
    pub words: String,
}

/// From one status to the next.
pub struct Turn<'a> {
    /// The status before.
    pub before: &'a TranscriptionJobStatus,
    /// The status after.
    pub after: &'a TranscriptionJobStatus,
    /// What was decided.
    pub decision: &'a Decision,
    /// Workers that were asked for before.
    pub workers: Option<u32>,
}

/// What happened. `told` is the number of failed files that were told before, where it is time to tell of more.
pub fn notes(turn: &Turn<'_>, told: Option<i64>) -> Vec<Note> {
    let Turn { before, after, decision, workers } = turn;
    let mut notes = Vec::new();
    let mut note = |warning, reason, words: String| notes.push(Note { warning, reason, words });
    if let (None, Some(files)) = (before.files, after.files) {
        let skipped = if files.skipped > 0 {
            format!(", {} of them have transcripts already", files.skipped)
        } else {
            String::new()
        };
        note(false, reasons::PLANNED, format!("{} to do{skipped}", several(files.total, "file")));
    }
    match (&decision.action, &decision.scale) {
        (Action::Create { round, workers }, scale) => {
            let why = match &decision.finish {
                Finish::Retry { message, .. } => message.clone(),
                _ if before.round.is_some() => "its Job is gone".to_owned(),
                _ => scale.as_ref().map_or_else(String::new, |scale| scale.words.clone()),
            };
            let reason = if *round == 0 { reasons::STARTED } else { reasons::STARTED_AGAIN };
            // The scaling's words begin with their number.
            let words = match *round {
                0 => why,
                _ => format!("round {round}, {}: {why}", several(*workers, "worker")),
            };
            note(*round > 0, reason, words);
        }
        (Action::Set { suspend: false, .. }, Some(scale)) => {
            let from = workers.unwrap_or_default();
            let reason = match scale.workers.cmp(&from) {
                std::cmp::Ordering::Greater => reasons::SCALED_UP,
                std::cmp::Ordering::Less => reasons::SCALED_DOWN,
                std::cmp::Ordering::Equal => reasons::RESUMED,
            };
            let words = match reason {
                reasons::RESUMED => format!("{} again", several(from, "worker")),
                _ => scale.words.clone(),
            };
            note(false, reason, words);
        }
        _ => {}
    }
    if let Some(words) = after.recycles.and_then(|now| recycles::more(before.recycles, now)) {
        note(false, reasons::RECYCLED, format!("engines replaced: {words}"));
    }
    if let Some(restart) = &decision.restart {
        note(true, reasons::RESTARTED, format!("worker {} is replaced: {}", restart.pod, restart.words));
    }
    let failed = after.files.map_or(0, |files| files.failed);
    if let Some(told) = told.filter(|told| failed > *told) {
        let last = after.failures.last();
        let last = last.map_or_else(String::new, |last| {
            format!("; the last: {}: {}: {}", last.key, last.reason, last.message)
        });
        note(
            true,
            reasons::FILES_FAILED,
            format!("{} failed, {failed} in all{last}", several(failed - told, "more file")),
        );
    }
    turns(before, after, &mut note);
    notes
}

/// Conditions that turned.
fn turns(
    before: &TranscriptionJobStatus,
    after: &TranscriptionJobStatus,
    note: &mut impl FnMut(bool, &'static str, String),
) {
    for condition in &after.conditions {
        let known = before.conditions.iter().find(|known| known.type_ == condition.type_);
        let was = known.map_or("", |known| known.status.as_str());
        let words = || format!("{}: {}", condition.reason, condition.message);
        let changed = was != condition.status || known.is_some_and(|known| known.reason != condition.reason);
        match (condition.type_.as_str(), condition.status.as_str()) {
            (types::STALLED, "True") if changed => note(true, reasons::STALLED, words()),
            (types::STALLED, "False") if was == "True" => {
                note(false, reasons::UNSTALLED, "nothing hinders the work any more".to_owned())
            }
            (types::PROGRESSING, "True") if changed && condition.reason == conditions::reasons::RETRYING => {
                note(true, reasons::RETRYING, condition.message.clone());
            }
            (types::SUSPENDED, "True") if changed => {
                note(false, reasons::SUSPENDED, condition.message.clone())
            }
            (types::COMPLETE, "True") if changed => note(false, reasons::COMPLETE, condition.message.clone()),
            (types::FAILED, "True") if changed => note(true, reasons::FAILED, words()),
            _ => {}
        }
    }
}

/// Tells. An event that cannot be written is lost: the status says the same.
///
/// # Errors
/// [`Error::Nameless`], [`Error::NotLeader`].
pub async fn publish(context: &Context, job: &TranscriptionJob, notes: Vec<Note>) -> Result<(), Error> {
    for note in notes {
        context.may_write()?;
        tracing::info!(reason = note.reason, "{}", note.words);
        let api: Api<Event> = context.namespaced(job)?;
        if let Err(error) = api.create(&PostParams::default(), &event(context, job, &note)).await {
            tracing::warn!(reason = note.reason, "failed to write an event: {}", chain(&error));
        }
    }
    Ok(())
}

fn event(context: &Context, job: &TranscriptionJob, note: &Note) -> Event {
    let now = Timestamp::now();
    let mut end = note.words.len().min(NOTE_BYTES);
    while !note.words.is_char_boundary(end) {
        end -= 1;
    }
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{:x}", job.name_any(), now.as_nanosecond())),
            namespace: job.namespace(),
            ..ObjectMeta::default()
        },
        action: Some("Reconcile".to_owned()),
        event_time: Some(MicroTime(now)),
        note: Some(note.words[..end].to_owned()),
        reason: Some(note.reason.to_owned()),
        regarding: Some(job.object_ref(&())),
        reporting_controller: Some(format!("verbatim.dev/{}", labels::OPERATOR)),
        reporting_instance: Some(context.instance.clone()),
        type_: Some(if note.warning { "Warning" } else { "Normal" }.to_owned()),
        ..Event::default()
    }
}
