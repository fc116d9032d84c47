//! A valid job, changed in one way for each error.

use super::*;
use crate::{
    destination::{FileDestination, S3Destination},
    manifest,
    path::PathError,
    quantity::Memory,
    source::{FileSource, S3Source, SourceList},
    storage::{SecretRef, ServerSideEncryption},
};
use serde_json::json;

fn valid() -> TranscriptionJob {
    manifest::parse(include_str!("../../deploy/samples/demo.yaml")).unwrap().job
}

/// Errors of the valid job after a change.
fn after(change: impl FnOnce(&mut TranscriptionJob)) -> Vec<ValidationError> {
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

/// Lists the recordings by key.
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
    for name in ["", "Calls", "calls.2026", "-calls", "calls-", "calls/1", &"x".repeat(53)] {
        let found = after(|job| job.metadata.name = Some(name.to_owned()));
        assert_eq!(found, [ValidationError::BadName(name.to_owned())]);
    }
    assert_eq!(after(|job| job.metadata.name = None), [ValidationError::BadName(String::new())]);
}

#[test]
fn no_model() {
    assert_eq!(after(|job| job.spec.model.name = None), [ValidationError::NoModel]);
}

#[test]
fn two_models() {
    assert_eq!(after(|job| job.spec.model.uri = Some("s3://models/x/".into())), [ValidationError::TwoModels]);
}

#[test]
fn no_source() {
    assert_eq!(after(|job| job.spec.source.file = None), [ValidationError::NoSource]);
}

#[test]
fn two_sources() {
    assert_eq!(after(|job| job.spec.source.s3 = Some(s3())), [ValidationError::TwoSources]);
}

#[test]
fn keys_and_manifest() {
    let found = after(|job| {
        keys(job, &["a.wav"]);
        job.spec.source.manifest = Some(list());
    });
    assert_eq!(found, [ValidationError::KeysAndManifest]);
}

#[test]
fn patterns_and_list() {
    assert_eq!(after(|job| job.spec.source.manifest = Some(list())), [ValidationError::PatternsAndList]);
}

#[test]
fn key_outside() {
    for key in ["/etc/passwd", "../a.wav", "a/../../b.wav", ".."] {
        assert_eq!(after(|job| keys(job, &["a.wav", key])), [ValidationError::KeyOutside(key.to_owned())]);
    }
}

#[test]
fn key_twice() {
    let found = after(|job| keys(job, &["a.wav", "b.wav", "a.wav"]));
    assert_eq!(found, [ValidationError::KeyTwice("a.wav".into())]);
}

#[test]
fn source_path() {
    let found = after(|job| job.spec.source.file.as_mut().unwrap().path = "file://host/x".into());
    assert_eq!(found, [ValidationError::SourcePath(PathError::Host("file://host/x".into()))]);
}

#[test]
fn destination_path() {
    let found = after(|job| job.spec.destination.file.as_mut().unwrap().path = "s3://out/x".into());
    assert_eq!(found, [ValidationError::DestinationPath(PathError::OtherScheme("s3://out/x".into()))]);
}

#[test]
fn no_destination() {
    assert_eq!(after(|job| job.spec.destination.file = None), [ValidationError::NoDestination]);
}

#[test]
fn two_destinations() {
    let found = after(|job| job.spec.destination.s3 = Some(S3Destination::default()));
    assert_eq!(found, [ValidationError::TwoDestinations]);
}

#[test]
fn adjacent_with_place() {
    assert_eq!(
        after(|job| job.spec.destination.layout = Layout::Adjacent),
        [ValidationError::AdjacentWithPlace]
    );
    let beside = |job: &mut TranscriptionJob| {
        job.spec.destination = Destination { layout: Layout::Adjacent, ..Destination::default() };
    };
    assert_eq!(after(beside), []);
    let both = after(|job| {
        beside(job);
        job.spec.destination.file = Some(FileDestination { path: "out".into() });
    });
    assert_eq!(both, [ValidationError::AdjacentWithPlace]);
}

#[test]
fn vad_thresholds() {
    let found = after(|job| job.spec.recognition.vad.negative_threshold = Some(0.6));
    assert_eq!(found, [ValidationError::VadThresholds]);
    assert_eq!(after(|job| job.spec.recognition.vad.threshold = 0.0), []);
}

#[test]
fn vad_lengths() {
    let found = after(|job| {
        job.spec.recognition.vad.max_speech_seconds = 2.0;
        job.spec.recognition.vad.min_speech_milliseconds = 2001;
    });
    assert_eq!(found, [ValidationError::VadLengths]);
}

#[test]
fn batch_too_small() {
    assert_eq!(after(|job| job.spec.batching.max_padded_seconds = 14), [ValidationError::BatchTooSmall]);
    assert_eq!(after(|job| job.spec.batching.max_padded_seconds = 15), []);
}

#[test]
fn no_gpu_memory() {
    assert_eq!(
        after(|job| job.spec.batching.gpu_memory_budget = Memory::Bytes(0)),
        [ValidationError::NoGpuMemory]
    );
}

#[test]
fn worker_range() {
    assert_eq!(after(|job| job.spec.scaling.min_workers = 11), [ValidationError::WorkerRange]);
}

#[test]
fn target_after_deadline() {
    let found = after(|job| {
        job.spec.active_deadline_seconds = Some(60);
        job.spec.scaling.target_completion_seconds = Some(61);
    });
    assert_eq!(found, [ValidationError::TargetAfterDeadline]);
}

/// A job over buckets, from one prefix to another of the same bucket.
fn buckets(job: &mut TranscriptionJob, from: &str, to: &str) {
    job.spec.source = Source { s3: Some(S3Source { prefix: from.into(), ..s3() }), ..Source::default() };
    job.spec.destination = Destination {
        s3: Some(S3Destination { bucket: "calls".into(), prefix: to.into() }),
        ..Destination::default()
    };
}

#[test]
fn destination_in_source() {
    for (from, to) in [("", ""), ("", "out/"), ("in/", "in/out"), ("in/", "in"), ("2026/1", "2026/11/")] {
        let found = after(|job| buckets(job, from, to));
        assert_eq!(found, [ValidationError::DestinationInSource], "{from} {to}");
    }
    for (from, to) in [("in/", "out/"), ("in/", ""), ("in/", "inside/")] {
        assert_eq!(after(|job| buckets(job, from, to)), [], "{from} {to}");
    }
    let named = after(|job| {
        buckets(job, "", "out/");
        job.spec.source.keys = Some(vec!["a.wav".into()]);
    });
    assert_eq!(named, []);
}

#[test]
fn urls_for_keys() {
    let url = "s3://calls/x";
    let found = after(|job| buckets(job, url, "out/"));
    assert_eq!(found, [ValidationError::SourcePrefixIsUrl(url.into())]);
    let found = after(|job| buckets(job, "in/", url));
    assert_eq!(found, [ValidationError::DestinationPrefixIsUrl(url.into())]);
    let found = after(|job| {
        buckets(job, "in/", "out/");
        job.spec.source.manifest = Some(SourceList { key: url.into() });
    });
    assert_eq!(found, [ValidationError::ListIsUrl(url.into())]);
}

#[test]
fn anonymous_with_credentials() {
    let found = after(|job| {
        job.spec.storage.anonymous = true;
        job.spec.storage.credentials_secret_ref = Some(SecretRef { name: "s3".into() });
    });
    assert_eq!(found, [ValidationError::AnonymousWithCredentials]);
}

#[test]
fn key_without_kms() {
    let with = |algorithm| {
        after(|job| {
            job.spec.storage.server_side_encryption =
                Some(ServerSideEncryption { algorithm, kms_key_id: Some("k".into()) });
        })
    };
    assert_eq!(with(Encryption::Aes256), [ValidationError::KeyWithoutKms]);
    assert_eq!(with(Encryption::AwsKms), []);
}

#[test]
fn memory_limits() {
    let with = |soft: &str, hard: &str| {
        after(|job| {
            job.spec.recycle.memory_soft_limit = soft.parse().unwrap();
            job.spec.recycle.memory_hard_limit = hard.parse().unwrap();
        })
    };
    assert_eq!(with("96%", "95%"), [ValidationError::MemoryLimits]);
    assert_eq!(with("2Gi", "1Gi"), [ValidationError::MemoryLimits]);
    for (soft, hard) in [("95%", "95%"), ("2Gi", "0"), ("2Gi", "95%"), ("0", "1Gi")] {
        assert_eq!(with(soft, hard), [], "{soft} {hard}");
    }
    let found = after(|job| job.spec.recycle.gpu_memory_soft_limit = Memory::Percent(99));
    assert_eq!(found, [ValidationError::GpuMemoryLimits]);
}

/// Errors on a cluster of the valid job with this template spec, after a change.
fn on_cluster(
    template: serde_json::Value,
    change: impl FnOnce(&mut TranscriptionJob),
) -> Vec<ValidationError> {
    let mut job = valid();
    buckets(&mut job, "in/", "out/");
    job.spec.template.insert("spec".into(), template);
    change(&mut job);
    in_cluster(&job)
}

#[test]
fn no_gpu() {
    let budget = |job: &mut TranscriptionJob| job.spec.batching.gpu_memory_budget = Memory::Bytes(6 << 30);
    let resources = |resources| json!({"containers": [{"name": "worker", "resources": resources}]});
    assert_eq!(on_cluster(json!({}), |_| {}), []);
    for template in [json!({}), resources(json!({"limits": {"cpu": 2}})), json!({"containers": 1})] {
        assert_eq!(on_cluster(template, budget), [ValidationError::NoGpu("spec.batching.gpuMemoryBudget")]);
    }
    for has in [json!({"limits": {"nvidia.com/mig-1g.10gb": 1}}), json!({"claims": [{"name": "gpu"}]})] {
        assert_eq!(on_cluster(resources(has), budget), []);
    }
    let found = on_cluster(json!({}), |job| job.spec.recycle.gpu_memory_soft_limit = Memory::Percent(85));
    assert_eq!(found, [ValidationError::NoGpu("spec.recycle.gpuMemorySoftLimit")]);
}

#[test]
fn no_volume() {
    let folders = |job: &mut TranscriptionJob| {
        (job.spec.source, job.spec.destination) = (valid().spec.source, valid().spec.destination);
    };
    let found = on_cluster(json!({}), folders);
    assert_eq!(found, ["spec.source.file", "spec.destination.file"].map(ValidationError::NoVolume));
    assert_eq!(on_cluster(json!({"volumes": [{"name": "calls"}]}), folders), []);
}

#[test]
fn errors_are_reported_together() {
    let found = after(|job| {
        job.spec.model.name = None;
        job.spec.source.file = None;
        job.spec.destination.file = None;
    });
    assert_eq!(found, [ValidationError::NoModel, ValidationError::NoSource, ValidationError::NoDestination]);
    for error in found {
        let schema = crate::crd::json();
        let schema = &schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let pointer = error.path().split('.').map(|step| format!("/properties/{step}")).collect::<String>();
        assert!(schema.pointer(&pointer).is_some(), "{error:?}");
    }
}
