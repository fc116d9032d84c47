//! Replacement of faulty workers.

use k8s_openapi::jiff::Timestamp;
use proptest::prelude::*;

use super::*;

const LIMITS: RestartLimits = RestartLimits { unresponsive: Duration::from_secs(120) };

fn worker(number: usize) -> Worker {
    Worker {
        name: format!("calls-0-{number}"),
        uid: format!("u{number}"),
        round: 0,
        index: Some(0),
        address: None,
        created: None,
        terminating: false,
        state: WorkerState::Running { ready: Some(Timestamp::UNIX_EPOCH) },
    }
}

fn seen(samples: Vec<Result<Sample, String>>) -> Observation {
    Observation {
        workers: (0..samples.len()).map(worker).collect(),
        samples: samples
            .into_iter()
            .enumerate()
            .map(|(number, sample)| (format!("u{number}"), sample))
            .collect(),
        ..Observation::default()
    }
}

fn busy(inference_seconds: f64) -> Result<Sample, String> {
    Ok(Sample { in_flight: 1.0, inference_seconds, ..Sample::default() })
}

fn full() -> Result<Sample, String> {
    Ok(Sample { working_set: Some(98.0), memory_limit: Some(100.0), ..Sample::default() })
}

/// First restart of a run with a reconcile every ten seconds: its second and reason.
fn first(samples: impl Fn(u64) -> Vec<Result<Sample, String>>) -> Option<(u64, RestartReason)> {
    let mut state = RestartState::default();
    (0..=2000).step_by(10).find_map(|second| {
        let restart = restart(&seen(samples(second)), &mut state, &LIMITS, Duration::from_secs(second))?;
        Some((second, restart.reason))
    })
}

#[test]
fn unresponsive_full_and_stuck_workers_are_replaced_at_their_limits() {
    let answered_once = |second| vec![if second == 0 { busy(0.0) } else { Err("refused".into()) }];
    assert_eq!(first(answered_once), Some((120, RestartReason::Unresponsive)));
    // It may still load its model, or its answers do not reach the operator.
    assert_eq!(first(|_| vec![Err("refused".into())]), None);
    assert_eq!(first(|_| vec![full()]), Some((120, RestartReason::Memory)));
    assert_eq!(first(|_| vec![busy(1.0)]), Some((900, RestartReason::NoProgress)));
    // A long file advances the model's time; an idle worker waits for others.
    assert_eq!(first(|second| vec![busy(second as f64)]), None);
    assert_eq!(first(|_| vec![Ok(Sample::default())]), None);
    // Occasional answers suffice.
    assert_eq!(
        first(|second| vec![if second % 100 == 0 { busy(second as f64) } else { Err("slow".into()) }]),
        None
    );
}

#[test]
fn one_at_a_time_and_few_in_an_hour() {
    let mut state = RestartState::default();
    let mut replaced = Vec::new();
    for second in (0..7200).step_by(10) {
        let now = Duration::from_secs(second);
        if restart(&seen(vec![Err("refused".into()), full()]), &mut state, &LIMITS, now).is_some() {
            state.record(now);
            replaced.push(second);
        }
    }
    assert!(replaced.iter().filter(|second| **second < 3600).count() <= BUDGET, "{replaced:?}");
    let mut leaving = seen(vec![Err("refused".into()), full()]);
    leaving.workers[1].terminating = true;
    let mut state = RestartState::default();
    for second in (0..2000).step_by(10) {
        assert_eq!(restart(&leaving, &mut state, &LIMITS, Duration::from_secs(second)), None);
    }
}

#[test]
fn refused_evictions_are_retried_and_do_not_count() {
    let mut state = RestartState::default();
    let (mut asked, mut news) = (Vec::new(), 0);
    for second in (0..7200).step_by(10) {
        let now = Duration::from_secs(second);
        if let Some(restart) = restart(&seen(vec![full()]), &mut state, &LIMITS, now) {
            asked.push(second);
            news += u32::from(state.record_refusal(&restart, now));
        }
    }
    assert_eq!((asked[0], asked[1], news), (120, 120 + LIMITS.eviction_retry().as_secs(), 1));
    assert_eq!(asked.len() as u64, (7200 - 120) / LIMITS.eviction_retry().as_secs());
    // Once evictions are allowed, the whole budget is left.
    let mut done = 0;
    for now in (7260..8000).step_by(10).map(Duration::from_secs) {
        if restart(&seen(vec![full()]), &mut state, &LIMITS, now).is_some() {
            state.record(now);
            done += 1;
        }
    }
    assert_eq!(done, BUDGET);
}

proptest! {
    /// Whatever workers answer, the budget holds.
    #[test]
    fn the_budget_holds(answers in prop::collection::vec((0_u8..4, 1_u64..300), 1..200)) {
        let mut state = RestartState::default();
        let (mut now, mut replaced) = (0, Vec::new());
        for (answer, pause) in answers {
            now += pause;
            let sample = match answer {
                0 => Err(String::new()),
                1 => full(),
                2 => busy(0.0),
                _ => busy(now as f64),
            };
            let at = Duration::from_secs(now);
            if restart(&seen(vec![sample]), &mut state, &LIMITS, at).is_some() {
                state.record(at);
                replaced.push(now);
            }
        }
        for (number, first) in replaced.iter().enumerate() {
            let within = replaced[number..].iter().filter(|then| *then - first < BUDGET_TIME.as_secs()).count();
            prop_assert!(within <= BUDGET);
        }
    }
}
