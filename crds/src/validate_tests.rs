//! One valid job, broken in one way for each violation.

use super::*;
use crate::{
    amount::Memory,
    destination::{FileDestination, S3Destination},
    manifest,
    source::{FileSource, S3Source, SourceList},
};

fn valid() -> TranscriptionJob {
    manifest::parse(include_str!("../../deploy/samples/demo.yaml")).unwrap().job
}

/// What is wrong with the valid job after a change.
fn after(change: impl FnOnce(&mut TranscriptionJob)) -> Vec<Violation> {
    let mut job = valid();
    change(&mut job);
    validate(&job)
}

fn s3() -> S3Source {
    S3Source { bucket: "calls".into(), ..S3Source::default() }
}

fn list() -> SourceList {
    SourceList { key: "list.txt".into() }
}

/// Lists the recordings instead of looking for them.
fn keys(job: &mut TranscriptionJob, keys: &[&str]) {
    job.spec.source.file = Some(FileSource { path: "calls".into(), ..FileSource::default() });
    job.spec.source.keys = Some(keys.iter().map(|key| (*key).to_owned()).collect());
}

#[test]
fn the_fixture_is_valid() {
    assert_eq!(validate(&valid()), []);
    assert_eq!(after(|job| keys(job, &["a.wav", "b/c..d.wav"])), []);
}

#[test]
fn bad_name() {
    for name in ["", "Calls", "calls.2026", "-calls", "calls-", "calls/1", &"x".repeat(64)] {
        let found = after(|job| job.metadata.name = Some(name.to_owned()));
        assert_eq!(found, [Violation::BadName(name.to_owned())]);
    }
    assert_eq!(after(|job| job.metadata.name = None), [Violation::BadName(String::new())]);
}

#[test]
fn no_model() {
    assert_eq!(after(|job| job.spec.model.name = None), [Violation::NoModel]);
}

#[test]
fn two_models() {
    assert_eq!(after(|job| job.spec.model.uri = Some("s3://models/x/".into())), [Violation::TwoModels]);
}

#[test]
fn no_source() {
    assert_eq!(after(|job| job.spec.source.file = None), [Violation::NoSource]);
}

#[test]
fn two_sources() {
    assert_eq!(after(|job| job.spec.source.s3 = Some(s3())), [Violation::TwoSources]);
}

#[test]
fn keys_and_manifest() {
    let found = after(|job| {
        keys(job, &["a.wav"]);
        job.spec.source.manifest = Some(list());
    });
    assert_eq!(found, [Violation::KeysAndManifest]);
}

#[test]
fn patterns_and_list() {
    assert_eq!(after(|job| job.spec.source.manifest = Some(list())), [Violation::PatternsAndList]);
}

#[test]
fn key_outside() {
    for key in ["/etc/passwd", "../a.wav", "a/../../b.wav", ".."] {
        assert_eq!(after(|job| keys(job, &["a.wav", key])), [Violation::KeyOutside(key.to_owned())]);
    }
}

#[test]
fn key_twice() {
    let found = after(|job| keys(job, &["a.wav", "b.wav", "a.wav"]));
    assert_eq!(found, [Violation::KeyTwice("a.wav".into())]);
}

#[test]
fn source_path() {
    let found = after(|job| job.spec.source.file.as_mut().unwrap().path = "file://host/x".into());
    assert_eq!(found, [Violation::SourcePath(PathError::Host("file://host/x".into()))]);
}

#[test]
fn destination_path() {
    let found = after(|job| job.spec.destination.file.as_mut().unwrap().path = "s3://out/x".into());
    assert_eq!(found, [Violation::DestinationPath(PathError::OtherScheme("s3://out/x".into()))]);
}

#[test]
fn no_destination() {
    assert_eq!(after(|job| job.spec.destination.file = None), [Violation::NoDestination]);
}

#[test]
fn two_destinations() {
    let found = after(|job| job.spec.destination.s3 = Some(S3Destination::default()));
    assert_eq!(found, [Violation::TwoDestinations]);
}

#[test]
fn adjacent_with_place() {
    assert_eq!(after(|job| job.spec.destination.layout = Layout::Adjacent), [Violation::AdjacentWithPlace]);
    let beside = |job: &mut TranscriptionJob| {
        job.spec.destination = Destination { layout: Layout::Adjacent, ..Destination::default() };
    };
    assert_eq!(after(beside), []);
    let both = after(|job| {
        beside(job);
        job.spec.destination.file = Some(FileDestination { path: "out".into() });
    });
    assert_eq!(both, [Violation::AdjacentWithPlace]);
}

#[test]
fn vad_thresholds() {
    let found = after(|job| job.spec.recognition.vad.negative_threshold = Some(0.6));
    assert_eq!(found, [Violation::VadThresholds]);
    assert_eq!(after(|job| job.spec.recognition.vad.threshold = 0.0), []);
}

#[test]
fn vad_lengths() {
    let found = after(|job| {
        job.spec.recognition.vad.max_speech_seconds = 2.0;
        job.spec.recognition.vad.min_speech_milliseconds = 2001;
    });
    assert_eq!(found, [Violation::VadLengths]);
}

#[test]
fn batch_too_small() {
    assert_eq!(after(|job| job.spec.batching.max_padded_seconds = 14), [Violation::BatchTooSmall]);
    assert_eq!(after(|job| job.spec.batching.max_padded_seconds = 15), []);
}

#[test]
fn no_gpu_memory() {
    assert_eq!(after(|job| job.spec.batching.gpu_memory_budget = Memory::Bytes(0)), [Violation::NoGpuMemory]);
}

#[test]
fn worker_range() {
    assert_eq!(after(|job| job.spec.scaling.min_workers = 11), [Violation::WorkerRange]);
}

#[test]
fn target_after_deadline() {
    let found = after(|job| {
        job.spec.active_deadline_seconds = Some(60);
        job.spec.scaling.target_completion_seconds = Some(61);
    });
    assert_eq!(found, [Violation::TargetAfterDeadline]);
}

#[test]
fn violations_are_reported_together() {
    let found = after(|job| {
        job.spec.model.name = None;
        job.spec.source.file = None;
        job.spec.destination.file = None;
    });
    assert_eq!(found, [Violation::NoModel, Violation::NoSource, Violation::NoDestination]);
    for violation in found {
        let schema = crate::crd::json();
        let schema = &schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let pointer =
            violation.path().split('.').map(|step| format!("/properties/{step}")).collect::<String>();
        assert!(schema.pointer(&pointer).is_some(), "{violation:?}");
    }
}
