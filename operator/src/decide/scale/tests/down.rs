//! Slow decreases.

use proptest::prelude::*;

use super::*;

/// A fleet that becomes five times faster.
fn too_many() -> Fixture {
    let mut fixture = Fixture::new(3_000.0, Some(10_000));
    fixture.run(1_500.0, 0.05);
    fixture
}

#[test]
fn fewer_only_after_the_whole_delay() {
    let mut fixture = too_many();
    let before = fixture.desired;
    let mut waits = 0;
    loop {
        fixture.pass(0.01);
        let decision = fixture.decide();
        match decision.reason {
            ScalingReason::WaitingToLower => waits += 1,
            ScalingReason::FewerNeeded => break,
            _ => assert!(waits < 2, "{decision:?}"),
        }
        assert_eq!(decision.workers, before);
    }
    assert_eq!(waits, 12);
    assert!(fixture.desired < before);
}

#[test]
fn the_tail_keeps_its_workers() {
    let mut fixture = too_many();
    let before = fixture.desired;
    let job = fixture.job.as_mut().unwrap();
    (job.bytes_done, job.shards_done) = (job.bytes / 1000 * 999, 999);
    job.audio_milliseconds = 3_000 * 3_600_000 / 1000 * 999;
    for _ in 0..100 {
        fixture.at += 10.0;
        assert_eq!(fixture.decide().workers, before);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_restart_decreases_nothing_within_the_delay(steps in 0_usize..60, factor in 0.002..0.03) {
        let mut fixture = too_many();
        for _ in 0..steps {
            fixture.pass(factor);
            fixture.decide();
        }
        fixture.state = ScalingState::default();
        let before = fixture.desired;
        for _ in 0..12 {
            prop_assert!(fixture.decide().workers >= before);
            fixture.pass(factor);
        }
    }
}
