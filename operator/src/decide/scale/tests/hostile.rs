//! Invalid measurements never cause a panic and never lead out of the bounds.

use proptest::prelude::*;

use super::*;

fn audio() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(f64::MAX),
        Just(-0.0),
        any::<f64>(),
        0.0..1e6,
    ]
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), Just(u64::MAX), any::<u64>(), 0_u64..10_000]
}

fn job() -> impl Strategy<Value = Option<JobProgress>> {
    let phase =
        prop_oneof![Just(LedgerPhase::Unplanned), Just(LedgerPhase::Running), Just(LedgerPhase::Complete)];
    proptest::option::of((phase, proptest::array::uniform7(number())).prop_map(|(phase, figures)| {
        let [bytes, bytes_done, bytes_skipped, bytes_under_way, audio_milliseconds, shards, shards_done] =
            figures;
        let figures = JobProgress::default();
        JobProgress {
            phase,
            bytes,
            bytes_done,
            bytes_skipped,
            bytes_under_way,
            audio_milliseconds,
            shards,
            shards_done,
            ..figures
        }
    }))
}

fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![Just(Duration::ZERO), Just(Duration::MAX), (0_u64..100_000).prop_map(Duration::from_secs)]
}

fn sample() -> impl Strategy<Value = WorkerSample> {
    (0_u32..6, audio(), time()).prop_map(|(name, audio_seconds, up)| WorkerSample {
        name: name.to_string(),
        audio_seconds,
        up,
    })
}

fn scaling() -> impl Strategy<Value = Scaling> {
    (0_u32..30, 0_u32..30, proptest::option::of(0_u32..100_000), 0_u32..1000).prop_map(
        |(min, more, target, delay)| Scaling {
            min_workers: min,
            max_workers: min + more,
            target_completion_seconds: target,
            scale_down_delay_seconds: delay,
        },
    )
}

type Step = (Duration, Duration, Vec<WorkerSample>, Option<JobProgress>, u32, Option<Duration>, bool);

fn step() -> impl Strategy<Value = Step> {
    let workers = proptest::collection::vec(sample(), 0..6);
    (time(), time(), workers, job(), 0_u32..40, proptest::option::of(time()), any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn decisions_stay_within_the_bounds(
        steps in proptest::collection::vec(step(), 1..12),
        scaling in scaling(),
        first in 0_u32..60,
    ) {
        let (mut state, mut desired) = (ScalingState::default(), first);
        for (now, elapsed, workers, job, unschedulable, deadline, settled) in &steps {
            let decision = decide(
                &ScalingInput {
                    now: *now,
                    elapsed: *elapsed,
                    desired,
                    settled: *settled,
                    workers,
                    job: job.as_ref(),
                    unschedulable: *unschedulable,
                    scaling: &scaling,
                    deadline: *deadline,
                },
                &mut state,
            );
            prop_assert!((scaling.min_workers..=scaling.max_workers).contains(&decision.workers), "{decision:?}");
            let figures = [decision.real_time_factor, decision.speed_up, decision.remaining_audio_seconds];
            prop_assert!(figures.iter().flatten().all(|figure| figure.is_finite() && *figure >= 0.0), "{decision:?}");
            desired = decision.workers;
        }
    }
}
