//! Every set of values on a real API server: each field is known to it, and each pod passes Pod Security
//! "restricted".

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use verbatim_testing::cluster::{self, ControlPlane};
use verbatim_testing::helm;

use super::{SETS, find, rendered};

/// Longest time for a Deployment's pods to be created. It takes milliseconds, or a minute on a machine that
/// compiles at the same time.
const LIMIT: Duration = Duration::from_secs(240);

/// Enables the admission level "restricted": pods that break a rule are rejected, and their creator is
/// warned.
fn restrict(cluster: &ControlPlane, namespace: &str) {
    let labels = ["enforce", "warn"]
        .map(|mode| (format!("pod-security.kubernetes.io/{mode}"), Value::from("restricted")))
        .into_iter()
        .collect::<serde_json::Map<_, _>>();
    // Its pods stay unscheduled: on a fake node of another test nobody would end them.
    let annotations =
        json!({ "scheduler.alpha.kubernetes.io/node-selector": "verbatim.test/namespace=none" });
    let metadata = json!({ "name": namespace, "labels": labels, "annotations": annotations });
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata });
    cluster.apply(&namespace.to_string()).unwrap();
    let begun = Instant::now();
    let name = namespace["metadata"]["name"].as_str().unwrap();
    while let Err(error) = cluster.kubectl(&["get", "serviceaccount", "default", "--namespace", name]) {
        assert!(begun.elapsed() < LIMIT, "{error}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Defines the kinds that the chart uses besides those of Kubernetes.
fn define(cluster: &ControlPlane) {
    let kinds = ["podmonitors", "servicemonitors", "prometheusrules"];
    for kind in kinds {
        cluster.apply(&helm::prometheus_kind(kind).unwrap()).unwrap();
    }
    let all = rendered("default");
    let ours = find(&all, "CustomResourceDefinition", "transcriptionjobs.verbatim.dev");
    cluster.apply(&ours.to_string()).unwrap();
    let mut wait: Vec<String> =
        vec!["wait".into(), "--for=condition=Established".into(), "--timeout=240s".into()];
    wait.extend(kinds.map(|kind| format!("crd/{kind}.monitoring.coreos.com")));
    wait.push("crd/transcriptionjobs.verbatim.dev".into());
    cluster.kubectl(&wait.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
}

/// Number of pods of the operator's Deployment, and the reason if there are none.
fn made(cluster: &ControlPlane) -> (i64, String) {
    let read = |what: &str| -> Value {
        let json = cluster.kubectl(&["get", what, "--namespace", "verbatim-system", "-o", "json"]).unwrap();
        serde_json::from_str(&json).unwrap()
    };
    let deployment = read("deployment/verbatim-operator");
    let sets = read("replicasets");
    (
        deployment["status"]["replicas"].as_i64().unwrap_or_default(),
        format!("{} {}", deployment["status"], sets["items"]),
    )
}

#[test]
fn every_set_is_taken_as_it_is_and_every_pod_is_restricted() {
    let cluster = cluster::shared();
    define(cluster);
    for namespace in ["verbatim-system", "speech", "archive"] {
        restrict(cluster, namespace);
    }
    let folder = cluster.folder();
    let mut kinds = BTreeSet::new();
    for set in SETS {
        let all = rendered(set);
        kinds.extend(all.iter().map(|object| object["kind"].as_str().unwrap().to_owned()));
        let path = folder.join(format!("{set}.json"));
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": all });
        std::fs::write(&path, list.to_string()).unwrap();
        let path = path.to_str().unwrap();
        // Strict: an unknown field is an error. So is a warning, such as that of a pod template that breaks
        // a rule.
        let apply = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--validate=strict",
            "--warnings-as-errors",
            "-f",
            path,
        ];
        if let Err(error) = cluster.kubectl(&apply) {
            panic!("{set}: {error}");
        }
        let wanted = find(&all, "Deployment", "verbatim-operator")["spec"]["replicas"].as_i64().unwrap();
        let begun = Instant::now();
        while made(cluster).0 < wanted {
            assert!(begun.elapsed() < LIMIT, "{set}: no pods: {}", made(cluster).1);
            std::thread::sleep(Duration::from_millis(50));
        }
        cluster
            .kubectl(&[
                "delete",
                "--wait=true",
                "--timeout=240s",
                "-f",
                path,
                "--selector=app.kubernetes.io/component",
            ])
            .unwrap();
    }
    // No part of the chart was left out of all sets.
    for kind in [
        "NetworkPolicy",
        "PodMonitor",
        "ServiceMonitor",
        "PrometheusRule",
        "PodDisruptionBudget",
        "Pod",
        "TranscriptionJob",
    ] {
        assert!(kinds.contains(kind), "{kind} is in no set");
    }
}

/// Checks that the rule above rejects violations: without its security context, the operator's pod is not
/// admitted.
#[test]
fn a_pod_that_breaks_a_rule_would_be_found() {
    let cluster = cluster::shared();
    restrict(cluster, "lax");
    let all = rendered("default");
    let mut pod = find(&all, "Deployment", "verbatim-operator")["spec"]["template"].clone();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    pod["metadata"] = json!({ "name": "operator", "namespace": "lax" });
    pod["spec"]["serviceAccountName"] = "default".into();
    cluster.apply(&pod.to_string()).unwrap();
    pod["metadata"]["name"] = "lax".into();
    pod["spec"]["containers"][0]["securityContext"] = json!({});
    let error = cluster.apply(&pod.to_string()).unwrap_err().to_string();
    assert!(error.contains("violates PodSecurity \"restricted"), "{error}");
}
