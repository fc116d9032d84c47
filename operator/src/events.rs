//! Events about a job, for people: the changes from one status to the next. Never one for each file.
//!
//! Each event is an object of its own (`events.k8s.io`). kube's recorder would merge events with one reason
//! into a series and keep the first message: "scaled to 3" would stay forever.

use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Resource, ResourceExt};
use verbatim_crds::conditions::{self, events as reasons, types};
use verbatim_crds::contract::labels;
use verbatim_crds::job::GROUP;
use verbatim_crds::{TranscriptionJob, TranscriptionJobStatus};
use verbatim_text::{count, error_chain, files};

use crate::context::Context;
use crate::decide::{Action, Decision, Outcome};
use crate::error::Error;
use crate::status::recycles;

/// Shortest time between two events about failed files: a bad source fails thousands in a minute.
pub const FAILURES_INTERVAL: Duration = Duration::from_secs(60);

/// Longest note of an event in bytes.
const NOTE_BYTES: usize = 1024;

/// Content of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whether it is a warning.
    pub warning: bool,
    /// Reason, from the closed list.
    pub reason: &'static str,
    /// Message for people.
    pub message: String,
}

/// Change from one status to the next.
pub struct StatusChange<'a> {
    /// The previous status.
    pub before: &'a TranscriptionJobStatus,
    /// The new status.
    pub after: &'a TranscriptionJobStatus,
    /// Decision of the reconcile.
    pub decision: &'a Decision,
    /// Previously desired workers.
    pub workers: Option<u32>,
}

/// Events of a change. `reported` is the number of failed files in the last event about them, if another one
/// is due.
pub fn notes(change: &StatusChange<'_>, reported: Option<i64>) -> Vec<Note> {
    let StatusChange { before, after, decision, workers } = change;
    let mut notes = Vec::new();
    let mut note = |warning, reason, message: String| notes.push(Note { warning, reason, message });
    if let (None, Some(counts)) = (before.files, after.files) {
        let skipped = if counts.skipped > 0 {
            format!(", {} of which already have transcripts", counts.skipped)
        } else {
            String::new()
        };
        note(false, reasons::PLANNED, format!("{} in the plan{skipped}", files(counts.total)));
    }
    match (&decision.action, &decision.scale) {
        (Action::Create { round, workers }, scale) => {
            let cause = match &decision.outcome {
                Outcome::Retry { message, .. } => message.clone(),
                _ if before.round.is_some() => "its Job was deleted".to_owned(),
                _ => scale.as_ref().map_or_else(String::new, |scale| scale.message.clone()),
            };
            let reason = if *round == 0 { reasons::STARTED } else { reasons::STARTED_AGAIN };
            // The scaling's message begins with the number of workers.
            let message = match *round {
                0 => cause,
                _ => format!("round {round}, {}: {cause}", count(*workers, "worker", "workers")),
            };
            note(*round > 0, reason, message);
        }
        (Action::Set { suspend: false, .. }, Some(scale)) => {
            let from = workers.unwrap_or_default();
            let reason = match scale.workers.cmp(&from) {
                std::cmp::Ordering::Greater => reasons::SCALED_UP,
                std::cmp::Ordering::Less => reasons::SCALED_DOWN,
                std::cmp::Ordering::Equal => reasons::RESUMED,
            };
            let message = match reason {
                reasons::RESUMED => format!("{} again", count(from, "worker", "workers")),
                _ => scale.message.clone(),
            };
            note(false, reason, message);
        }
        _ => {}
    }
    if let Some(increase) = after.recycles.and_then(|now| recycles::increase(before.recycles, now)) {
        note(false, reasons::RECYCLED, format!("engines replaced: {increase}"));
    }
    if let Some(restart) = &decision.restart {
        note(true, reasons::RESTARTED, format!("replacing worker {}: {}", restart.pod, restart.message));
    }
    let failed = after.files.map_or(0, |counts| counts.failed);
    if let Some(reported) = reported.filter(|reported| failed > *reported) {
        let last = after.failures.last();
        let last = last.map_or_else(String::new, |last| {
            format!("; the latest: {}: {}: {}", last.key, last.reason, last.message)
        });
        note(
            true,
            reasons::FILES_FAILED,
            format!(
                "{} failed, {failed} in total{last}",
                count(failed - reported, "more file", "more files")
            ),
        );
    }
    condition_changes(before, after, &mut note);
    notes
}

/// Events of changed conditions.
fn condition_changes(
    before: &TranscriptionJobStatus,
    after: &TranscriptionJobStatus,
    note: &mut impl FnMut(bool, &'static str, String),
) {
    for condition in &after.conditions {
        let known = before.conditions.iter().find(|known| known.type_ == condition.type_);
        let was = known.map_or("", |known| known.status.as_str());
        let message = || format!("{}: {}", condition.reason, condition.message);
        let changed = was != condition.status || known.is_some_and(|known| known.reason != condition.reason);
        match (condition.type_.as_str(), condition.status.as_str()) {
            (types::STALLED, "True") if changed => note(true, reasons::STALLED, message()),
            (types::STALLED, "False") if was == "True" => {
                note(false, reasons::UNSTALLED, "the work continues".to_owned())
            }
            (types::PROGRESSING, "True") if changed && condition.reason == conditions::reasons::RETRYING => {
                note(true, reasons::RETRYING, condition.message.clone());
            }
            (types::SUSPENDED, "True") if changed => {
                note(false, reasons::SUSPENDED, condition.message.clone())
            }
            (types::COMPLETE, "True") if changed => note(false, reasons::COMPLETE, condition.message.clone()),
            (types::FAILED, "True") if changed => note(true, reasons::FAILED, message()),
            _ => {}
        }
    }
}

/// Writes events. One that cannot be written is lost: the status has the same content.
///
/// # Errors
/// [`Error::Nameless`], [`Error::NotLeader`].
pub async fn publish(context: &Context, job: &TranscriptionJob, notes: Vec<Note>) -> Result<(), Error> {
    for note in notes {
        context.may_write()?;
        tracing::info!(reason = note.reason, "{}", note.message);
        let api: Api<Event> = context.namespaced(job)?;
        if let Err(error) = api.create(&PostParams::default(), &event(context, job, &note)).await {
            tracing::warn!(reason = note.reason, "failed to write an event: {}", error_chain(&error));
        }
    }
    Ok(())
}

fn event(context: &Context, job: &TranscriptionJob, note: &Note) -> Event {
    let now = Timestamp::now();
    let mut end = note.message.len().min(NOTE_BYTES);
    while !note.message.is_char_boundary(end) {
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
        note: Some(note.message[..end].to_owned()),
        reason: Some(note.reason.to_owned()),
        regarding: Some(job.object_ref(&())),
        reporting_controller: Some(format!("{GROUP}/{}", labels::OPERATOR)),
        reporting_instance: Some(context.instance.clone()),
        type_: Some(if note.warning { "Warning" } else { "Normal" }.to_owned()),
        ..Event::default()
    }
}
