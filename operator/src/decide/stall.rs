//! Stall detection: the obstacle to the work, if there is one.

use std::time::Duration;

use verbatim_crds::conditions::reasons;
use verbatim_crds::contract::messages::JobProgress;
use verbatim_text::count;

use crate::observe::observation::{NoPods, Observation};
use crate::observe::pods::WorkerState;

/// Time without a finished file after which ready workers count as stuck. The longest common recordings (some
/// hours) take a worker minutes.
pub const NO_PROGRESS: Duration = Duration::from_secs(600);

/// Obstacle to the work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall {
    /// Reason of the condition.
    pub reason: &'static str,
    /// Message of the condition.
    pub message: String,
}

/// State between reconciles.
#[derive(Clone, Debug, Default)]
pub struct StallState {
    /// Finished work, and the time since which it has not changed.
    since: Option<(Done, Duration)>,
}

/// Finished shards, files and audio, and whether any worker was ready.
type Done = (u64, u64, u64, bool);

/// The scheduler's messages about pods that it cannot place.
pub fn unschedulable(seen: &Observation) -> impl Iterator<Item = &str> {
    seen.workers.iter().filter_map(|worker| match &worker.state {
        WorkerState::Pending { unschedulable, .. } => unschedulable.as_deref(),
        _ => None,
    })
}

/// Decides whether the work is stalled.
pub fn stall(
    seen: &Observation,
    progress: Option<&JobProgress>,
    state: &mut StallState,
    now: Duration,
) -> Option<Stall> {
    let ready = seen.ready();
    let done = progress.map_or((0, 0, 0), |progress| {
        (progress.shards_done, progress.files - progress.remaining(), progress.audio_milliseconds)
    });
    let moving = (done.0, done.1, done.2, ready > 0);
    let since = match &state.since {
        Some((before, since)) if *before == moving => *since,
        _ => {
            state.since = Some((moving, now));
            now
        }
    };
    if ready > 0 {
        let still = now.saturating_sub(since);
        let busy =
            seen.samples.iter().any(|(_, sample)| sample.as_ref().is_ok_and(|sample| sample.in_flight > 0.0));
        return (still >= NO_PROGRESS && busy).then(|| Stall {
            reason: reasons::NO_PROGRESS,
            message: format!(
                "{} ready, but no file finished for {} minutes",
                count(ready as u64, "worker", "workers"),
                still.as_secs() / 60
            ),
        });
    }
    let round = seen.round().filter(|round| round.ended.is_none())?;
    if round.queued && round.suspended {
        let message = format!("the Job {} is waiting for admission by its queue", round.name);
        return Some(Stall { reason: reasons::WAITING_FOR_ADMISSION, message });
    }
    if let NoPods::Refused(error) = &seen.no_pods {
        let message = format!("pods cannot be created: {error}");
        return Some(Stall { reason: reasons::QUOTA_EXCEEDED, message });
    }
    let stuck = seen.workers.iter().find_map(|worker| match &worker.state {
        WorkerState::Pending { stuck: Some(error), .. } => Some(format!("pod {}: {error}", worker.name)),
        _ => None,
    });
    if let Some(message) = stuck {
        return Some(Stall { reason: reasons::PODS_FAILING, message });
    }
    let message = unschedulable(seen).next()?;
    Some(Stall { reason: reasons::UNSCHEDULABLE, message: format!("no node fits a worker: {message}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::pods::Worker;
    use crate::observe::rounds::Round;
    use crate::observe::scrape::Sample;

    fn seen(state: WorkerState) -> Observation {
        let worker = Worker {
            name: "calls-0-0".into(),
            uid: "u".into(),
            round: 0,
            index: Some(0),
            address: None,
            created: None,
            terminating: false,
            state,
        };
        let sample = Sample { in_flight: 1.0, ..Sample::default() };
        Observation {
            rounds: vec![Round { name: "calls-0".into(), ..Round::default() }],
            workers: vec![worker],
            samples: vec![("u".into(), Ok(sample))],
            ..Observation::default()
        }
    }

    #[test]
    fn each_reason_has_its_message() {
        let pending = |unschedulable: Option<&str>, stuck: Option<&str>| {
            seen(WorkerState::Pending {
                unschedulable: unschedulable.map(Into::into),
                stuck: stuck.map(Into::into),
            })
        };
        let of = |seen: &Observation| stall(seen, None, &mut StallState::default(), Duration::ZERO);
        assert_eq!(of(&pending(None, None)), None);
        let found = of(&pending(Some("0/3 nodes are available"), None)).unwrap();
        assert_eq!(found.reason, reasons::UNSCHEDULABLE);
        assert!(found.message.contains("0/3 nodes"), "{}", found.message);
        let found = of(&pending(None, Some("secret \"s3\" not found"))).unwrap();
        assert_eq!((found.reason, found.message.contains("secret")), (reasons::PODS_FAILING, true));
        let refused =
            Observation { no_pods: NoPods::Refused("exceeded quota".into()), ..pending(None, None) };
        assert_eq!(of(&refused).unwrap().reason, reasons::QUOTA_EXCEEDED);
    }

    #[test]
    fn busy_workers_without_a_finished_file_are_stuck_after_ten_minutes() {
        let seen = seen(WorkerState::Running { ready: Some(k8s_openapi::jiff::Timestamp::UNIX_EPOCH) });
        let mut state = StallState::default();
        let mut progress = JobProgress { files: 10, succeeded: 1, ..JobProgress::default() };
        let at = Duration::from_secs;
        assert_eq!(stall(&seen, Some(&progress), &mut state, at(0)), None);
        assert_eq!(stall(&seen, Some(&progress), &mut state, at(599)), None);
        assert_eq!(stall(&seen, Some(&progress), &mut state, at(600)).unwrap().reason, reasons::NO_PROGRESS);
        progress.succeeded = 2;
        assert_eq!(stall(&seen, Some(&progress), &mut state, at(601)), None);
    }
}
