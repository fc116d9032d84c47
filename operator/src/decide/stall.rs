//! What hinders the work, if something does.

use std::time::Duration;

use verbatim_crds::conditions::reasons;
use verbatim_crds::contract::messages::JobProgress;

use crate::observe::{Observation, Podless, WorkerState};
use crate::words::several;

/// Time without a finished file after which ready workers count as stuck. The longest recordings that one sees (some hours)
/// take a worker minutes.
pub const NO_PROGRESS: Duration = Duration::from_secs(600);

/// What hinders the work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall {
    /// As a condition's reason.
    pub reason: &'static str,
    /// In words.
    pub message: String,
}

/// What is carried from look to look.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// What was done, and since when it has been that.
    since: Option<(Done, Duration)>,
}

/// Shards, files and audio that are done; and whether anybody was there to do more.
type Done = (u64, u64, u64, bool);

/// Words of the scheduler about pods that find no node.
pub fn unschedulable(seen: &Observation) -> impl Iterator<Item = &str> {
    seen.workers.iter().filter_map(|worker| match &worker.state {
        WorkerState::Pending { unschedulable, .. } => unschedulable.as_deref(),
        _ => None,
    })
}

/// Decides whether something hinders the work.
pub fn stall(
    seen: &Observation,
    progress: Option<&JobProgress>,
    memory: &mut Memory,
    now: Duration,
) -> Option<Stall> {
    let ready = seen.ready();
    let done = progress
        .map_or((0, 0, 0), |told| (told.shards_done, told.files - told.remaining(), told.audio_milliseconds));
    let moving = (done.0, done.1, done.2, ready > 0);
    let since = match &memory.since {
        Some((before, since)) if *before == moving => *since,
        _ => {
            memory.since = Some((moving, now));
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
                "{} ready, and no file has been finished for {} minutes",
                several(ready, "worker"),
                still.as_secs() / 60
            ),
        });
    }
    let round = seen.round().filter(|round| round.ended.is_none())?;
    if round.queued && round.suspended {
        let message = format!("the Job {} waits for its queue to admit it", round.name);
        return Some(Stall { reason: reasons::WAITING_FOR_ADMISSION, message });
    }
    if let Podless::Refused(words) = &seen.podless {
        let message = format!("no pod can be made: {words}");
        return Some(Stall { reason: reasons::QUOTA_EXCEEDED, message });
    }
    let stuck = seen.workers.iter().find_map(|worker| match &worker.state {
        WorkerState::Pending { stuck: Some(words), .. } => Some(format!("pod {}: {words}", worker.name)),
        _ => None,
    });
    if let Some(message) = stuck {
        return Some(Stall { reason: reasons::PODS_FAILING, message });
    }
    let words = unschedulable(seen).next()?;
    Some(Stall { reason: reasons::UNSCHEDULABLE, message: format!("no node takes a worker: {words}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Round, Sample, Worker};

    fn seen(state: WorkerState) -> Observation {
        let worker = Worker {
            name: "calls-0-0".into(),
            uid: "u".into(),
            round: 0,
            index: Some(0),
            address: None,
            created: None,
            leaving: false,
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
    fn reasons_come_with_their_words() {
        let pending = |unschedulable: Option<&str>, stuck: Option<&str>| {
            seen(WorkerState::Pending {
                unschedulable: unschedulable.map(Into::into),
                stuck: stuck.map(Into::into),
            })
        };
        let of = |seen: &Observation| stall(seen, None, &mut Memory::default(), Duration::ZERO);
        assert_eq!(of(&pending(None, None)), None);
        let found = of(&pending(Some("0/3 nodes are available"), None)).unwrap();
        assert_eq!(found.reason, reasons::UNSCHEDULABLE);
        assert!(found.message.contains("0/3 nodes"), "{}", found.message);
        let found = of(&pending(None, Some("secret \"s3\" not found"))).unwrap();
        assert_eq!((found.reason, found.message.contains("secret")), (reasons::PODS_FAILING, true));
        let refused =
            Observation { podless: Podless::Refused("exceeded quota".into()), ..pending(None, None) };
        assert_eq!(of(&refused).unwrap().reason, reasons::QUOTA_EXCEEDED);
    }

    #[test]
    fn busy_workers_without_a_finished_file_are_stuck_after_a_while() {
        let seen = seen(WorkerState::Running { ready: Some(k8s_openapi::jiff::Timestamp::UNIX_EPOCH) });
        let mut memory = Memory::default();
        let mut progress = JobProgress { files: 10, succeeded: 1, ..JobProgress::default() };
        let at = Duration::from_secs;
        assert_eq!(stall(&seen, Some(&progress), &mut memory, at(0)), None);
        assert_eq!(stall(&seen, Some(&progress), &mut memory, at(599)), None);
        assert_eq!(stall(&seen, Some(&progress), &mut memory, at(600)).unwrap().reason, reasons::NO_PROGRESS);
        progress.succeeded = 2;
        assert_eq!(stall(&seen, Some(&progress), &mut memory, at(601)), None);
    }
}
