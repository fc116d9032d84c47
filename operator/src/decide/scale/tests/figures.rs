//! Figures of the job.

use super::*;

#[test]
fn figures_are_from_sums() {
    let mut fixture = Fixture::new(1000.0, None);
    fixture.run(200.0, 0.01);
    let decision = fixture.decide();
    assert!((decision.real_time_factor.unwrap() - 0.01).abs() < 1e-6, "{decision:?}");
    assert!((decision.speed_up.unwrap() - 10_000.0).abs() < 1.0, "{decision:?}");
    let left = 3.6e6 - 20.0 * 100.0 * 1000.0;
    assert!((decision.remaining_audio_seconds.unwrap() - left).abs() < 1.0, "{decision:?}");
    let eta = decision.eta.unwrap().as_secs_f64();
    assert!((eta - left / 10_000.0).abs() < 40.0, "{eta}");
}

#[test]
fn a_fleet_on_course_stays() {
    let mut fixture = Fixture::new(10_000.0, Some(10_000));
    let numbers = fixture.run(8_500.0, 0.02);
    // 36 million seconds at 0.02 in nine tenths of the target, begun by a guess.
    assert_eq!(numbers.last(), Some(&fixture.desired));
    assert!(numbers.len() <= 3, "{numbers:?}");
    assert!((79..=100).contains(&fixture.desired), "{numbers:?}");
}

#[test]
fn slower_workers_lead_to_more() {
    let mut fixture = Fixture::new(3_000.0, Some(10_000));
    fixture.run(2_000.0, 0.02);
    let before = fixture.desired;
    fixture.run(1_500.0, 0.04);
    assert!(fixture.desired > before * 3 / 2, "{before} -> {}", fixture.desired);
}

#[test]
fn skipped_recordings_are_no_work() {
    let mut fixture = Fixture::new(1000.0, None);
    let job = fixture.job.as_mut().unwrap();
    (job.bytes_done, job.bytes_skipped) = (job.bytes / 2, job.bytes / 4);
    job.audio_milliseconds = 250 * 3_600_000;
    let left = fixture.decide().remaining_audio_seconds.unwrap();
    // Half of the finished recordings were skipped, so half of the rest will be.
    assert!((left - 250.0 * 3600.0).abs() < 1.0, "{left}");
}

#[test]
fn no_figures_after_a_tenth_of_the_target_lead_to_all_workers() {
    let mut fixture = Fixture::new(100.0, Some(10_000));
    let first = fixture.decide();
    assert_eq!(first.reason, ScalingReason::Guess);
    assert!(first.workers < 10, "{first:?}");
    fixture.at = 1001.0;
    let later = fixture.decide();
    assert_eq!((later.workers, later.reason), (100, ScalingReason::NoFigures));
}
