//! A worker's pod: ours, with the cluster's template laid over it, and the user's over both.

use k8s_openapi::DeepMerge;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use kube::ResourceExt;
use serde_json::{Value, json};
use verbatim_crds::TranscriptionJob;
use verbatim_crds::contract::{WORKER_CONTAINER, env, http, labels};

use super::{BuildError, config, config_name, resources};
use crate::settings::Settings;

/// Seconds for the recordings in flight when a pod is told to end, unless the template says others: enough for recordings of
/// eight hours on two cores (docs/benchmarks.md: 0.0094 seconds for a second). How long a job's longest one takes is known
/// only when the pods are there, and a Job's template does not change. What is not done in time goes to another worker, from
/// its beginning.
pub const GRACE_SECONDS: i64 = 300;

/// Seconds of those for the worker's own farewell, half of them at most: giving back claims takes a request each.
const FAREWELL_SECONDS: i64 = 20;

/// Space for recordings that were fetched ahead. The worker's own bound is half of it.
const SPOOL: &str = "8Gi";

/// Shared memory: libraries for GPUs want more than the 64 MiB of a container without it.
const SHARED_MEMORY: &str = "256Mi";

/// The pod of every worker of a job.
///
/// # Errors
/// [`BuildError`].
pub fn template(
    job: &TranscriptionJob,
    settings: &Settings,
    round: i32,
) -> Result<PodTemplateSpec, BuildError> {
    let own = |source| BuildError::Own { what: "the worker's pod", source };
    let user: PodTemplateSpec =
        serde_json::from_value(Value::Object(job.spec.template.clone())).map_err(BuildError::Template)?;
    check(&user)?;
    let defaults = settings.worker_template.clone().unwrap_or_default();
    let said = |template: &PodTemplateSpec| template.spec.as_ref()?.termination_grace_period_seconds;
    let grace = said(&user).or_else(|| said(&defaults)).unwrap_or(GRACE_SECONDS);
    let mut pod: PodTemplateSpec = serde_json::from_value(ours(job, settings, grace)).map_err(own)?;
    let says = [&user, &defaults].map(resources::said);
    pod.merge_from(defaults);
    pod.merge_from(user);
    resources::settle(&mut pod, &says);
    // Not to be overridden: the operator finds its pods by them.
    let metadata = pod.metadata.get_or_insert_default();
    let all = metadata.labels.get_or_insert_default();
    all.extend(super::labels(job));
    all.insert(labels::ROUND.to_owned(), round.to_string());
    Ok(pod)
}

/// Refuses what a template may not say.
///
/// # Errors
/// [`BuildError::Refused`].
pub fn check(user: &PodTemplateSpec) -> Result<(), BuildError> {
    let Some(spec) = &user.spec else { return Ok(()) };
    if spec.restart_policy.as_deref().is_some_and(|policy| policy != "Never") {
        return Err(BuildError::Refused(
            "restartPolicy must be Never: workers are started again by their Job",
        ));
    }
    let main = spec.containers.iter().find(|container| container.name == WORKER_CONTAINER);
    if main.is_some_and(|main| main.command.is_some() || main.args.is_some()) {
        return Err(BuildError::Refused("containers[worker] must leave command and args alone"));
    }
    Ok(())
}

fn ours(job: &TranscriptionJob, settings: &Settings, grace: i64) -> Value {
    let grace = grace.max(0);
    let drain = grace - FAREWELL_SECONDS.min(grace / 2);
    let port = http::PORT;
    let field = |path: &str| json!({ "fieldRef": { "fieldPath": path } });
    let probe = |path: &str| json!({ "httpGet": { "path": path, "port": "http" } });
    let mut worker = json!({
        "name": WORKER_CONTAINER,
        "image": settings.worker_image,
        "args": [
            "worker", "--file", format!("/etc/verbatim/{}", config::FILE), "--http", format!("$(POD_IP):{port}"),
            "--spool", "/spool", "--grace-period", drain.to_string(), "--log-format", "json",
        ],
        "env": [
            { "name": "POD_IP", "valueFrom": field("status.podIP") },
            { "name": env::WORKER, "valueFrom": field("metadata.name") },
            { "name": "TMPDIR", "value": "/spool" },
        ],
        "ports": [{ "name": "http", "containerPort": port }],
        "resources": { "requests": { "cpu": "1", "memory": "1Gi" }, "limits": { "memory": "2Gi" } },
        // Loading a model from a bucket takes minutes.
        "startupProbe": merged(probe(http::HEALTHY), json!({ "periodSeconds": 2, "failureThreshold": 150 })),
        "readinessProbe": merged(probe(http::READY), json!({ "periodSeconds": 5 })),
        // The last resort, after the supervisor's own limit for its loop (60 s) and the operator's patience (120 s), which
        // replaces one worker at a time. A supervisor that is stopped hears no SIGTERM: no long wait for it.
        "livenessProbe": merged(probe(http::HEALTHY), json!({
            "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 18, "terminationGracePeriodSeconds": 30,
        })),
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        "terminationMessagePath": "/dev/termination-log",
        // The log's end would not be JSON; without a message nothing is claimed.
        "terminationMessagePolicy": "File",
        "volumeMounts": [
            { "name": "verbatim-job", "mountPath": "/etc/verbatim", "readOnly": true },
            { "name": "verbatim-spool", "mountPath": "/spool" },
            { "name": "verbatim-shm", "mountPath": "/dev/shm" },
        ],
    });
    let mut volumes = vec![
        json!({ "name": "verbatim-job", "configMap": { "name": config_name(&job.name_any()) } }),
        json!({ "name": "verbatim-spool", "emptyDir": { "sizeLimit": SPOOL } }),
        json!({ "name": "verbatim-shm", "emptyDir": { "medium": "Memory", "sizeLimit": SHARED_MEMORY } }),
    ];
    let storage = &job.spec.storage;
    if let Some(secret) = &storage.credentials_secret_ref {
        worker["envFrom"] = json!([{ "secretRef": { "name": secret.name } }]);
    }
    if let Some(bundle) = &storage.ca_bundle_ref {
        let items = json!([{ "key": bundle.key, "path": "ca.crt" }]);
        volumes.push(json!({ "name": "verbatim-ca", "configMap": { "name": bundle.name, "items": items } }));
        push(
            &mut worker["volumeMounts"],
            json!({ "name": "verbatim-ca", "mountPath": "/etc/verbatim-ca", "readOnly": true }),
        );
        push(&mut worker["env"], json!({ "name": "AWS_CA_BUNDLE", "value": "/etc/verbatim-ca/ca.crt" }));
    }
    for (name, value) in settings.traces.worker_variables() {
        push(&mut worker["env"], json!({ "name": name, "value": value }));
    }
    json!({
        "metadata": { "annotations": {
            "kubectl.kubernetes.io/default-container": WORKER_CONTAINER,
            "prometheus.io/scrape": "true",
            "prometheus.io/port": port.to_string(),
        } },
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": grace,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
            "topologySpreadConstraints": [{
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": { "matchLabels": { labels::JOB: job.name_any() } },
            }],
            "containers": [worker],
            "volumes": volumes,
        },
    })
}

fn merged(mut object: Value, more: Value) -> Value {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    object
}

fn push(list: &mut Value, entry: Value) {
    if let Some(list) = list.as_array_mut() {
        list.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn built(file: &str, template: Value) -> Value {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("template.yaml");
        std::fs::write(&path, file).unwrap();
        let settings =
            Settings::try_parse_from(["verbatim-operator", "--worker-template", path.to_str().unwrap()])
                .unwrap();
        let job: TranscriptionJob = serde_json::from_value(json!({
            "apiVersion": "verbatim.dev/v1alpha1", "kind": "TranscriptionJob", "metadata": {"name": "calls"},
            "spec": {
                "source": {"s3": {"bucket": "calls"}}, "destination": {"s3": {"bucket": "transcripts"}},
                "template": template,
            },
        }))
        .unwrap();
        serde_json::to_value(super::template(&job, &settings, 0).unwrap()).unwrap()
    }

    #[test]
    fn a_jobs_template_is_laid_over_the_clusters_and_that_over_ours() {
        let cluster = "spec:\n  nodeSelector: {pool: batch, zone: a}\n  imagePullSecrets: [{name: registry}]\n  containers:\n  - name: \
                       worker\n    imagePullPolicy: Always\n    resources: {requests: {cpu: '2'}, limits: {memory: 3Gi}}\n";
        let worker = json!({"name": "worker", "resources": {"limits": {"memory": "4Gi"}}});
        let pod = built(cluster, json!({"spec": {"nodeSelector": {"zone": "b"}, "containers": [worker]}}));
        let spec = &pod["spec"];
        // By the rules of server-side apply: what is atomic there is taken whole.
        assert_eq!(spec["nodeSelector"], json!({"zone": "b"}));
        assert_eq!(spec["imagePullSecrets"], json!([{"name": "registry"}]));
        assert_eq!(spec["containers"].as_array().unwrap().len(), 1);
        let worker = &spec["containers"][0];
        assert_eq!(worker["imagePullPolicy"], "Always");
        assert_eq!(
            worker["resources"],
            json!({"requests": {"cpu": "2", "memory": "1Gi"}, "limits": {"memory": "4Gi"}})
        );
        assert_eq!(worker["securityContext"]["readOnlyRootFilesystem"], true);
        let small = json!({"name": "worker", "resources": {"limits": {"cpu": "700m", "memory": "512Mi"}}});
        let pod = built("{}", json!({"spec": {"containers": [small]}}));
        let same = json!({"cpu": "700m", "memory": "512Mi"});
        assert_eq!(pod["spec"]["containers"][0]["resources"], json!({"requests": same, "limits": same}));
        // Without a file nothing but ours.
        assert_eq!(built("{}", json!({}))["spec"]["nodeSelector"], Value::Null);
    }

    #[test]
    fn the_worker_ends_before_its_pods_grace_does() {
        let limit = |cluster: &str, template: Value| {
            let pod = built(cluster, template);
            let args = pod["spec"]["containers"][0]["args"].as_array().unwrap();
            let at = args.iter().position(|argument| argument == "--grace-period").unwrap();
            let drain: i64 = args[at + 1].as_str().unwrap().parse().unwrap();
            (pod["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap(), drain)
        };
        let seconds = |seconds: i64| json!({"spec": {"terminationGracePeriodSeconds": seconds}});
        assert_eq!(limit("{}", json!({})), (300, 280));
        let cluster = seconds(900).to_string();
        assert_eq!(limit(&cluster, json!({})), (900, 880));
        assert_eq!(limit(&cluster, seconds(3600)), (3600, 3580));
        assert_eq!(limit("{}", seconds(10)), (10, 5));
        assert_eq!(limit("{}", seconds(0)), (0, 0));
    }
}
