//! The conditions: always all seven, in one order. A transition time changes only with the status.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use verbatim_crds::conditions::{reasons, types};

use super::view::StatusInput;
use crate::decide::{Ended, Outcome};

/// Content of a condition.
struct Content {
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
    message: String,
}

/// The conditions of a job's status.
pub fn conditions(view: &StatusInput<'_>) -> Vec<Condition> {
    let before = view.before().conditions;
    let all = [
        ready(view, types::STORAGE_READY),
        ready(view, types::MODEL_READY),
        progressing(view),
        stalled(view),
        suspended(view),
        complete(view),
        failed(view),
    ];
    all.into_iter()
        .map(|content| {
            let known = before.iter().find(|known| known.type_ == content.kind);
            let since = known
                .filter(|known| known.status == content.status)
                .map(|known| known.last_transition_time.clone());
            Condition {
                type_: content.kind.to_owned(),
                status: content.status.to_owned(),
                reason: content.reason.to_owned(),
                message: truncate(content.message),
                observed_generation: view.job.metadata.generation,
                last_transition_time: since.unwrap_or(Time(view.now)),
            }
        })
        .collect()
}

/// Shortens a message to one line for people. The schema of conditions allows 32768 characters.
fn truncate(message: String) -> String {
    const MAX_CHARACTERS: usize = 1024;
    if message.chars().count() <= MAX_CHARACTERS {
        message
    } else {
        message.chars().take(MAX_CHARACTERS - 3).chain("...".chars()).collect()
    }
}

fn content(
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
    message: impl Into<String>,
) -> Content {
    Content { kind, status, reason, message: message.into() }
}

/// Store and model: known once a worker was ready, or reported a problem.
fn ready(view: &StatusInput<'_>, kind: &'static str) -> Content {
    let storage = kind == types::STORAGE_READY;
    let bad = match &view.decision.outcome {
        Outcome::Retry { reason, message, .. } | Outcome::Ended(Ended::Failed { reason, message }) => {
            Some((*reason, message))
        }
        _ => None,
    };
    let about_storage =
        |reason| [reasons::STORAGE_UNAVAILABLE, reasons::CONDITIONAL_WRITES_UNSUPPORTED].contains(&reason);
    if let Some((reason, message)) = bad
        && (if storage { about_storage(reason) } else { reason == reasons::MODEL_UNAVAILABLE })
    {
        return content(kind, "False", reason, message.clone());
    }
    // A worker opens the store before it loads the model; it is ready with both.
    let worked = view.seen.ready() > 0 || view.planned_progress().is_some();
    if worked && bad.is_none() {
        return match storage {
            true => content(kind, "True", reasons::STORAGE_AVAILABLE, "source and destination are reachable"),
            false => content(kind, "True", reasons::MODEL_VERIFIED, "workers have loaded the model"),
        };
    }
    match view.before().conditions.iter().find(|known| known.type_ == kind && known.status != "Unknown") {
        Some(known) => Content {
            kind,
            status: if known.status == "True" { "True" } else { "False" },
            reason: reasons::ALL
                .into_iter()
                .find(|reason| *reason == known.reason)
                .unwrap_or(reasons::NOT_CHECKED),
            message: known.message.clone(),
        },
        None => content(kind, "Unknown", reasons::NOT_CHECKED, "no worker has checked yet"),
    }
}

fn progressing(view: &StatusInput<'_>) -> Content {
    let kind = types::PROGRESSING;
    let planned = view.before().files.is_some() || view.planned_progress().is_some();
    match &view.decision.outcome {
        Outcome::Ended(_) => content(kind, "False", reasons::FINISHED, "the job has ended"),
        _ if view.job.spec.suspend => {
            content(kind, "False", reasons::SUSPENDED_BY_SPEC, "spec.suspend is true")
        }
        _ if view.invalid.is_some() => content(kind, "False", reasons::INVALID_SPEC, "the job is invalid"),
        Outcome::Retry { at, message, .. } if *at > view.now => {
            let message = format!("the next workers start at {}: {message}", at.strftime("%H:%M:%S UTC"));
            content(kind, "True", reasons::RETRYING, message)
        }
        _ if view.seen.ready() == 0 => content(kind, "True", reasons::STARTING, "no worker is ready yet"),
        _ if !planned => content(kind, "True", reasons::PLANNING, "the recordings are being listed"),
        _ => content(kind, "True", reasons::TRANSCRIBING, "workers transcribe"),
    }
}

fn stalled(view: &StatusInput<'_>) -> Content {
    let kind = types::STALLED;
    if let Some(message) = &view.invalid {
        return content(kind, "True", reasons::INVALID_SPEC, message.clone());
    }
    // A current obstacle comes before the end of the last Job.
    match (&view.decision.stall, &view.decision.outcome) {
        (Some(stall), _) => content(kind, "True", stall.reason, stall.message.clone()),
        (None, Outcome::Retry { reason, message, .. }) if *reason != reasons::WORKERS_FAILED => {
            content(kind, "True", reason, message.clone())
        }
        _ => content(kind, "False", reasons::AS_EXPECTED, ""),
    }
}

fn suspended(view: &StatusInput<'_>) -> Content {
    if view.job.spec.suspend && view.end().is_none() {
        content(
            types::SUSPENDED,
            "True",
            reasons::SUSPENDED_BY_SPEC,
            "spec.suspend is true; set it to false to resume",
        )
    } else {
        content(types::SUSPENDED, "False", reasons::NOT_SUSPENDED, "")
    }
}

fn complete(view: &StatusInput<'_>) -> Content {
    match view.end() {
        Some(Ended::Complete { message, .. }) => {
            content(types::COMPLETE, "True", reasons::ALL_FILES_DONE, message.clone())
        }
        Some(Ended::Failed { reason, message }) => content(types::COMPLETE, "False", reason, message.clone()),
        None => content(types::COMPLETE, "False", reasons::NOT_FINISHED, ""),
    }
}

fn failed(view: &StatusInput<'_>) -> Content {
    match view.end() {
        Some(Ended::Failed { reason, message }) => content(types::FAILED, "True", reason, message.clone()),
        _ => content(types::FAILED, "False", reasons::NOT_FAILED, ""),
    }
}
