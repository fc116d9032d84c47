//! The conditions: all seven, always, in one order. A time changes only where a status does.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use verbatim_crds::conditions::{reasons, types};
use verbatim_crds::contract::messages::LedgerPhase;

use super::View;
use crate::decide::{Finish, Over};

/// What a condition says.
struct Says {
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
    message: String,
}

/// The conditions of a job after a look.
pub fn conditions(view: &View<'_>) -> Vec<Condition> {
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
        .map(|says| {
            let known = before.iter().find(|known| known.type_ == says.kind);
            let since = known
                .filter(|known| known.status == says.status)
                .map(|known| known.last_transition_time.clone());
            Condition {
                type_: says.kind.to_owned(),
                status: says.status.to_owned(),
                reason: says.reason.to_owned(),
                message: cut(says.message),
                observed_generation: view.job.metadata.generation,
                last_transition_time: since.unwrap_or(Time(view.now)),
            }
        })
        .collect()
}

/// The schema of conditions takes 32768 characters; a person reads one line.
fn cut(message: String) -> String {
    const MOST: usize = 1024;
    if message.chars().count() <= MOST {
        message
    } else {
        message.chars().take(MOST - 3).chain("...".chars()).collect()
    }
}

fn says(kind: &'static str, status: &'static str, reason: &'static str, message: impl Into<String>) -> Says {
    Says { kind, status, reason, message: message.into() }
}

/// Store and model: known once a worker was ready, or said why it is not.
fn ready(view: &View<'_>, kind: &'static str) -> Says {
    let storage = kind == types::STORAGE_READY;
    let bad = match &view.decision.finish {
        Finish::Retry { reason, message, .. } | Finish::Over(Over::Failed { reason, message }) => {
            Some((*reason, message))
        }
        _ => None,
    };
    let about_storage =
        |reason| [reasons::STORAGE_UNAVAILABLE, reasons::CONDITIONAL_WRITES_UNSUPPORTED].contains(&reason);
    if let Some((reason, message)) = bad
        && (if storage { about_storage(reason) } else { reason == reasons::MODEL_UNAVAILABLE })
    {
        return says(kind, "False", reason, message.clone());
    }
    // A worker opens the store before it loads the model; it is ready with both.
    let worked =
        view.seen.ready() > 0 || view.progress.is_some_and(|told| told.phase != LedgerPhase::Unplanned);
    if worked && bad.is_none() {
        return match storage {
            true => says(kind, "True", reasons::STORAGE_AVAILABLE, "source and destination can be reached"),
            false => says(kind, "True", reasons::MODEL_VERIFIED, "workers have loaded the model"),
        };
    }
    match view.before().conditions.iter().find(|known| known.type_ == kind && known.status != "Unknown") {
        Some(known) => Says {
            kind,
            status: if known.status == "True" { "True" } else { "False" },
            reason: reasons::ALL
                .into_iter()
                .find(|reason| *reason == known.reason)
                .unwrap_or(reasons::NOT_CHECKED),
            message: known.message.clone(),
        },
        None => says(kind, "Unknown", reasons::NOT_CHECKED, "no worker has looked yet"),
    }
}

fn progressing(view: &View<'_>) -> Says {
    let kind = types::PROGRESSING;
    let planned = view.before().files.is_some()
        || view.progress.is_some_and(|told| told.phase != LedgerPhase::Unplanned);
    match &view.decision.finish {
        Finish::Over(_) => says(kind, "False", reasons::FINISHED, "the job is over"),
        _ if view.job.spec.suspend => says(kind, "False", reasons::SUSPENDED_BY_SPEC, "spec.suspend is true"),
        _ if view.invalid.is_some() => {
            says(kind, "False", reasons::INVALID_SPEC, "the job cannot be done as it is written")
        }
        Finish::Retry { at, message, .. } if *at > view.now => {
            let message = format!("workers start again at {}: {message}", at.strftime("%H:%M:%S UTC"));
            says(kind, "True", reasons::RETRYING, message)
        }
        _ if view.seen.ready() == 0 => says(kind, "True", reasons::STARTING, "no worker is ready yet"),
        _ if !planned => says(kind, "True", reasons::PLANNING, "the recordings are being listed"),
        _ => says(kind, "True", reasons::TRANSCRIBING, "workers transcribe"),
    }
}

fn stalled(view: &View<'_>) -> Says {
    let kind = types::STALLED;
    if let Some(message) = &view.invalid {
        return says(kind, "True", reasons::INVALID_SPEC, message.clone());
    }
    // What hinders the work now comes before why the last Job ended.
    match (&view.decision.stall, &view.decision.finish) {
        (Some(stall), _) => says(kind, "True", stall.reason, stall.message.clone()),
        (None, Finish::Retry { reason, message, .. }) if *reason != reasons::WORKERS_FAILED => {
            says(kind, "True", reason, message.clone())
        }
        _ => says(kind, "False", reasons::AS_EXPECTED, ""),
    }
}

fn suspended(view: &View<'_>) -> Says {
    if view.job.spec.suspend && view.over().is_none() {
        says(
            types::SUSPENDED,
            "True",
            reasons::SUSPENDED_BY_SPEC,
            "spec.suspend is true; set it to false to go on",
        )
    } else {
        says(types::SUSPENDED, "False", reasons::NOT_SUSPENDED, "")
    }
}

fn complete(view: &View<'_>) -> Says {
    match view.over() {
        Some(Over::Complete { message, .. }) => {
            says(types::COMPLETE, "True", reasons::ALL_FILES_DONE, message.clone())
        }
        Some(Over::Failed { reason, message }) => says(types::COMPLETE, "False", reason, message.clone()),
        None => says(types::COMPLETE, "False", reasons::NOT_FINISHED, ""),
    }
}

fn failed(view: &View<'_>) -> Says {
    match view.over() {
        Some(Over::Failed { reason, message }) => says(types::FAILED, "True", reason, message.clone()),
        _ => says(types::FAILED, "False", reasons::NOT_FAILED, ""),
    }
}
