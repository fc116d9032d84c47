//! A worker's pod: the operator's own template, then the cluster's merged over it, then the user's.

use k8s_openapi::DeepMerge;
use k8s_openapi::api::core::v1::{
    PodSecurityContext, PodSpec, PodTemplateSpec, SeccompProfile, TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use kube::api::ObjectMeta;
use verbatim_crds::TranscriptionJob;
use verbatim_crds::contract::{WORKER_CONTAINER, http, labels};

use super::{container, resources};
use crate::settings::Settings;
use crate::validate::ValidJob;

/// Grace period in seconds, unless a template sets another: enough for recordings of eight hours on two cores
/// (docs/benchmarks.md: real-time factor 0.0094). The duration of a job's longest recording is known only
/// once its pods run, and a Job's template does not change. What is not finished in time goes to another
/// worker, which starts over.
pub const GRACE_SECONDS: i64 = 300;

/// The pod of every worker of a job.
pub fn build(job: &ValidJob<'_>, settings: &Settings, round: i32) -> PodTemplateSpec {
    let user = job.template().spec();
    let defaults =
        settings.worker_template.as_ref().map(|template| template.spec().clone()).unwrap_or_default();
    let requested = |template: &PodTemplateSpec| template.spec.as_ref()?.termination_grace_period_seconds;
    let grace = requested(user).or_else(|| requested(&defaults)).unwrap_or(GRACE_SECONDS);
    let job = job.job();
    let mut pod = base(job, settings, grace.max(0));
    let requirements = [user, &defaults].map(resources::of_worker);
    pod.merge_from(defaults);
    pod.merge_from(user.clone());
    resources::fit_requests_to_limits(&mut pod, &requirements);
    // Templates cannot override these: the operator finds its pods by them.
    let all = pod.metadata.get_or_insert_default().labels.get_or_insert_default();
    all.extend(super::labels(job));
    all.insert(labels::ROUND.to_owned(), round.to_string());
    pod
}

fn base(job: &TranscriptionJob, settings: &Settings, grace: i64) -> PodTemplateSpec {
    let annotations = [
        ("kubectl.kubernetes.io/default-container", WORKER_CONTAINER.to_owned()),
        ("prometheus.io/scrape", "true".to_owned()),
        ("prometheus.io/port", http::PORT.to_string()),
    ];
    let profile = SeccompProfile { type_: "RuntimeDefault".to_owned(), ..SeccompProfile::default() };
    let same_job = LabelSelector {
        match_labels: Some([(labels::JOB.to_owned(), job.name_any())].into()),
        ..LabelSelector::default()
    };
    let spec = PodSpec {
        restart_policy: Some("Never".to_owned()),
        termination_grace_period_seconds: Some(grace),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            seccomp_profile: Some(profile),
            ..PodSecurityContext::default()
        }),
        topology_spread_constraints: Some(vec![TopologySpreadConstraint {
            max_skew: 1,
            topology_key: "kubernetes.io/hostname".to_owned(),
            when_unsatisfiable: "ScheduleAnyway".to_owned(),
            label_selector: Some(same_job),
            ..TopologySpreadConstraint::default()
        }]),
        containers: vec![container::worker(job, settings, grace)],
        volumes: Some(container::volumes(job)),
        ..PodSpec::default()
    };
    let metadata = ObjectMeta {
        annotations: Some(annotations.map(|(name, value)| (name.to_owned(), value)).into()),
        ..ObjectMeta::default()
    };
    PodTemplateSpec { metadata: Some(metadata), spec: Some(spec) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use super::*;
    use crate::validate::validate;

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
        serde_json::to_value(build(&validate(&job).unwrap(), &settings, 0)).unwrap()
    }

    #[test]
    fn job_template_overrides_cluster_template_overrides_base() {
        let cluster = "spec:\n  nodeSelector: {pool: batch, zone: a}\n  imagePullSecrets: [{name: registry}]\n  containers:\n  - name: \
                       worker\n    imagePullPolicy: Always\n    resources: {requests: {cpu: '2'}, limits: {memory: 3Gi}}\n";
        let worker = json!({"name": "worker", "resources": {"limits": {"memory": "4Gi"}}});
        let pod = built(cluster, json!({"spec": {"nodeSelector": {"zone": "b"}, "containers": [worker]}}));
        let spec = &pod["spec"];
        // As in server-side apply: atomic fields are replaced as a whole.
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
        // Without a file only the base remains.
        assert_eq!(built("{}", json!({}))["spec"]["nodeSelector"], Value::Null);
    }

    #[test]
    fn worker_drains_before_the_grace_period_ends() {
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
