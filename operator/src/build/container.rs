//! The worker's container and its volumes, before any template is merged.

use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, Container, ContainerPort, EmptyDirVolumeSource, EnvFromSource,
    EnvVar, EnvVarSource, HTTPGetAction, KeyToPath, ObjectFieldSelector, Probe, ResourceRequirements,
    SecretEnvSource, SecurityContext, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;
use verbatim_crds::TranscriptionJob;
use verbatim_crds::contract::{JOB_FILE, TERMINATION_LOG, WORKER_CONTAINER, env, http};

use super::config_name;
use crate::settings::Settings;

/// Seconds of the grace period for the worker's own shutdown, half of it at most: giving back claims takes a
/// request each.
const SHUTDOWN_SECONDS: i64 = 20;

/// Space for prefetched recordings. The worker's own limit is half of it.
const SPOOL_SIZE: &str = "8Gi";

/// Shared memory: GPU libraries want more than the 64 MiB that a container has by default.
const SHARED_MEMORY_SIZE: &str = "256Mi";

const JOB_FOLDER: &str = "/etc/verbatim";
const SPOOL_FOLDER: &str = "/spool";
const CA_FOLDER: &str = "/etc/verbatim-ca";
const CA_FILE: &str = "ca.crt";
const HTTP_PORT_NAME: &str = "http";

/// The worker's container; `grace` is the pod's grace period in seconds.
pub fn worker(job: &TranscriptionJob, settings: &Settings, grace: i64) -> Container {
    let drain = grace - SHUTDOWN_SECONDS.min(grace / 2);
    let port = http::PORT;
    let file = format!("{JOB_FOLDER}/{JOB_FILE}");
    let address = format!("$(POD_IP):{port}");
    let drain = drain.to_string();
    let args = [
        "worker",
        "--file",
        &file,
        "--http",
        &address,
        "--spool",
        SPOOL_FOLDER,
        "--grace-period",
        &drain,
        "--log-format",
        "json",
    ];
    let storage = &job.spec.storage;
    let mut variables = vec![
        from_field("POD_IP", "status.podIP"),
        from_field(env::WORKER, "metadata.name"),
        variable("TMPDIR", SPOOL_FOLDER),
    ];
    let mut mounts = vec![
        VolumeMount { read_only: Some(true), ..mount("verbatim-job", JOB_FOLDER) },
        mount("verbatim-spool", SPOOL_FOLDER),
        mount("verbatim-shm", "/dev/shm"),
    ];
    if storage.ca_bundle_ref.is_some() {
        mounts.push(VolumeMount { read_only: Some(true), ..mount("verbatim-ca", CA_FOLDER) });
        variables.push(variable(env::CA_BUNDLE, &format!("{CA_FOLDER}/{CA_FILE}")));
    }
    variables.extend(settings.traces.worker_variables().iter().map(|(name, value)| variable(name, value)));
    let secret = storage
        .credentials_secret_ref
        .as_ref()
        .map(|secret| SecretEnvSource { name: secret.name.clone(), ..SecretEnvSource::default() });
    Container {
        name: WORKER_CONTAINER.to_owned(),
        image: Some(settings.worker_image.clone()),
        args: Some(args.map(str::to_owned).into()),
        env: Some(variables),
        env_from: secret
            .map(|secret| vec![EnvFromSource { secret_ref: Some(secret), ..EnvFromSource::default() }]),
        ports: Some(vec![ContainerPort {
            name: Some(HTTP_PORT_NAME.to_owned()),
            container_port: port.into(),
            ..ContainerPort::default()
        }]),
        resources: Some(ResourceRequirements {
            requests: Some([quantity("cpu", "1"), quantity("memory", "1Gi")].into()),
            limits: Some([quantity("memory", "2Gi")].into()),
            ..ResourceRequirements::default()
        }),
        // Loading a model from a bucket takes minutes.
        startup_probe: Some(Probe {
            period_seconds: Some(2),
            failure_threshold: Some(150),
            ..probe(http::HEALTHY)
        }),
        readiness_probe: Some(Probe { period_seconds: Some(5), ..probe(http::READY) }),
        // The last resort, after the supervisor's own limit for its loop (60 s) and the operator's (120 s),
        // which replaces one worker at a time. A supervisor that is stopped does not see SIGTERM, so the
        // grace period is short.
        liveness_probe: Some(Probe {
            period_seconds: Some(10),
            timeout_seconds: Some(5),
            failure_threshold: Some(18),
            termination_grace_period_seconds: Some(30),
            ..probe(http::HEALTHY)
        }),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                ..Capabilities::default()
            }),
            ..SecurityContext::default()
        }),
        termination_message_path: Some(TERMINATION_LOG.to_owned()),
        // The end of the log would not be JSON; a missing message claims nothing.
        termination_message_policy: Some("File".to_owned()),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

/// The volumes that the container mounts.
pub fn volumes(job: &TranscriptionJob) -> Vec<Volume> {
    let empty = |name: &str, medium: Option<&str>, size: &str| Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            medium: medium.map(str::to_owned),
            size_limit: Some(Quantity(size.to_owned())),
        }),
        ..Volume::default()
    };
    let config = |name: &str, map: String, items: Option<Vec<KeyToPath>>| Volume {
        name: name.to_owned(),
        config_map: Some(ConfigMapVolumeSource { name: map, items, ..ConfigMapVolumeSource::default() }),
        ..Volume::default()
    };
    let mut volumes = vec![
        config("verbatim-job", config_name(&job.name_any()), None),
        empty("verbatim-spool", None, SPOOL_SIZE),
        empty("verbatim-shm", Some("Memory"), SHARED_MEMORY_SIZE),
    ];
    if let Some(bundle) = &job.spec.storage.ca_bundle_ref {
        let item = KeyToPath { key: bundle.key.clone(), path: CA_FILE.to_owned(), mode: None };
        volumes.push(config("verbatim-ca", bundle.name.clone(), Some(vec![item])));
    }
    volumes
}

fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.to_owned()), value_from: None }
}

fn from_field(name: &str, path: &str) -> EnvVar {
    let field = ObjectFieldSelector { field_path: path.to_owned(), api_version: None };
    let source = EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() };
    EnvVar { name: name.to_owned(), value: None, value_from: Some(source) }
}

fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount { name: name.to_owned(), mount_path: path.to_owned(), ..VolumeMount::default() }
}

fn quantity(name: &str, amount: &str) -> (String, Quantity) {
    (name.to_owned(), Quantity(amount.to_owned()))
}

fn probe(path: &str) -> Probe {
    let get = HTTPGetAction {
        path: Some(path.to_owned()),
        port: IntOrString::String(HTTP_PORT_NAME.to_owned()),
        ..HTTPGetAction::default()
    };
    Probe { http_get: Some(get), ..Probe::default() }
}
