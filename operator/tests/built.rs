//! What is made for a job, whole: the Job with its pod, and the workers' configuration. `cargo insta review` shows what changed.
#![allow(clippy::unwrap_used, reason = "a test may fail so, helpers of it included")]

use clap::Parser;
use serde_json::{Value, json};
use verbatim_crds::TranscriptionJob;
use verbatim_operator::build::{config, workers};
use verbatim_operator::settings::Settings;

/// The job as the API server gives it: with a name, a namespace and a uid of its own.
fn stored(manifest: &str) -> TranscriptionJob {
    let document = manifest.split("\n---\n").last().unwrap();
    let mut job: TranscriptionJob = verbatim_crds::manifest::parse(document).unwrap().job;
    job.metadata.namespace = Some("speech".to_owned());
    job.metadata.uid = Some("0f0e0d0c-0b0a-0908-0706-050403020100".to_owned());
    job
}

/// Job and ConfigMap; the configuration's text as what it says.
fn built(job: &TranscriptionJob, round: i32, count: u32) -> Value {
    let settings =
        Settings::parse_from(["verbatim-operator", "--worker-image", "registry.example.net/verbatim:1"]);
    let job_object = workers::job(job, &settings, round, count).unwrap();
    let mut config = serde_json::to_value(config::config(job, &settings).unwrap()).unwrap();
    let text: Value = serde_json::from_str(config["data"][config::FILE].as_str().unwrap()).unwrap();
    config["data"] = json!({ config::FILE: text });
    json!({ "job": job_object, "configMap": config })
}

#[test]
fn the_least_that_a_job_can_say() {
    let job = stored(include_str!("../../deploy/samples/minimal.yaml"));
    insta::assert_json_snapshot!(built(&job, 0, 1));
}

/// A store of one's own, a queue, a GPU, volumes, a sidecar, a private image, in the second round.
#[test]
fn all_that_a_job_can_say() {
    let mut job = stored(include_str!("../../deploy/samples/pod-template.yaml"));
    let store = stored(include_str!("../../deploy/samples/private-s3.yaml"));
    job.spec.storage = store.spec.storage;
    job.metadata.labels = stored(include_str!("../../deploy/samples/kueue.yaml")).metadata.labels;
    let gpu = stored(include_str!("../../deploy/samples/gpu-pool.yaml")).spec;
    job.spec.batching = gpu.batching;
    job.spec.recycle = gpu.recycle;
    job.spec.scaling = gpu.scaling;
    let spec = job.spec.template.get_mut("spec").unwrap();
    for part in ["nodeSelector", "tolerations"] {
        spec[part] = gpu.template["spec"][part].clone();
    }
    spec["containers"][0]["resources"] = gpu.template["spec"]["containers"][0]["resources"].clone();
    spec["serviceAccountName"] = "speech".into();
    spec["priorityClassName"] = "batch".into();
    spec["runtimeClassName"] = "nvidia".into();
    spec["terminationGracePeriodSeconds"] = 3600.into();
    insta::assert_json_snapshot!(built(&job, 1, 8));
}
