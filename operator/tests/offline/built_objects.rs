//! The objects of a job as a whole: the Job with its pod, and the workers' configuration. `cargo insta
//! review` shows changes.

use clap::Parser;
use serde_json::{Value, json};
use verbatim_crds::TranscriptionJob;
use verbatim_crds::contract::JOB_FILE;
use verbatim_operator::build::{config, worker_job};
use verbatim_operator::settings::Settings;
use verbatim_operator::validate::validate;

/// The job as the API server returns it: with a name, a namespace and a uid.
fn stored(manifest: &str) -> TranscriptionJob {
    let document = manifest.split("\n---\n").last().unwrap();
    let mut job: TranscriptionJob = verbatim_crds::manifest::parse(document).unwrap().job;
    job.metadata.namespace = Some("speech".to_owned());
    job.metadata.uid = Some("0f0e0d0c-0b0a-0908-0706-050403020100".to_owned());
    job
}

/// Job and ConfigMap, with the configuration's content parsed.
fn built(job: &TranscriptionJob, round: i32, count: u32) -> Value {
    let settings =
        Settings::parse_from(["verbatim-operator", "--worker-image", "registry.example.net/verbatim:1"]);
    built_with(job, &settings, round, count)
}

fn built_with(job: &TranscriptionJob, settings: &Settings, round: i32, count: u32) -> Value {
    let job_object = worker_job::build(&validate(job).unwrap(), settings, round, count);
    let mut config = serde_json::to_value(config::build(job, settings)).unwrap();
    let text: Value = serde_json::from_str(config["data"][JOB_FILE].as_str().unwrap()).unwrap();
    config["data"] = json!({ JOB_FILE: text });
    json!({ "job": job_object, "configMap": config })
}

#[test]
fn minimal_job() {
    let job = stored(include_str!("../../../deploy/samples/minimal.yaml"));
    insta::assert_json_snapshot!(built(&job, 0, 1));
}

/// Private store, queue, GPU, volumes, sidecar and private image, in the second round.
#[test]
fn full_job() {
    let mut job = stored(include_str!("../../../deploy/samples/pod-template.yaml"));
    let store = stored(include_str!("../../../deploy/samples/private-s3.yaml"));
    job.spec.storage = store.spec.storage;
    job.metadata.labels = stored(include_str!("../../../deploy/samples/kueue.yaml")).metadata.labels;
    let gpu = stored(include_str!("../../../deploy/samples/gpu-pool.yaml")).spec;
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

/// With traces the workers get the endpoint and the parent span; a template may override them, and nothing
/// else differs.
#[test]
fn traces_add_a_parent_and_an_endpoint() {
    let mut job = stored(include_str!("../../../deploy/samples/minimal.yaml"));
    let plain = built(&job, 0, 1);
    let mut settings =
        Settings::parse_from(["verbatim-operator", "--worker-image", "registry.example.net/verbatim:1"]);
    settings.traces = verbatim_trace::TraceSettings::read(|name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://collector:4317".to_owned()),
        "OTEL_EXPORTER_OTLP_HEADERS" => Some("authorization=secret".to_owned()),
        _ => None,
    });
    let mut traced = built_with(&job, &settings, 0, 1);
    assert!(!traced.to_string().contains("secret"));
    let metadata = &mut traced["configMap"]["data"][JOB_FILE]["metadata"];
    let written = metadata.as_object_mut().unwrap().remove("annotations").unwrap();
    let parent = settings.traces.job_context("0f0e0d0c-0b0a-0908-0706-050403020100").unwrap();
    assert_eq!(written, json!({"verbatim.dev/traceparent": parent.to_string()}));
    let container = "/job/spec/template/spec/containers/0/env";
    let environment = traced.pointer_mut(container).unwrap().as_array_mut().unwrap();
    let added = environment.pop().unwrap();
    assert_eq!(added, json!({"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector:4317"}));
    assert_eq!(traced, plain);

    let endpoint = json!([{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://node:4317"}]);
    let template = json!({"spec": {"containers": [{"name": "worker", "env": endpoint}]}});
    job.spec.template = template.as_object().unwrap().clone();
    let overridden = built_with(&job, &settings, 0, 1);
    let environment = overridden.pointer(container).unwrap().as_array().unwrap();
    let endpoints: Vec<&Value> =
        environment.iter().filter(|one| one["name"] == "OTEL_EXPORTER_OTLP_ENDPOINT").collect();
    assert_eq!(endpoints, [&endpoint[0]]);
}
