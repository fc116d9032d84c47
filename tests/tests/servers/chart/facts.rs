//! Facts that are defined elsewhere and repeated in the chart.

use serde_json::{Value, json};
use verbatim_testing::helm;

use super::{find, objects, rendered};

fn repository(path: &str) -> String {
    std::fs::read_to_string(helm::chart().join("../..").join(path)).unwrap()
}

/// Rules of a role, which a test of the operator verifies to be exactly what it needs.
fn rules(role: &str) -> Value {
    find(&objects(&repository("deploy/operator/rbac.yaml")), "ClusterRole", role)["rules"].clone()
}

#[test]
fn its_versions_are_the_workspaces() {
    let chart: Value = serde_saphyr::from_str(&repository("charts/verbatim/Chart.yaml")).unwrap();
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_operator_may_do_what_its_role_says_everywhere() {
    let all = rendered("default");
    assert_eq!(find(&all, "ClusterRole", "verbatim-operator")["rules"], rules("verbatim-operator"));
    assert_eq!(find(&all, "Role", "verbatim-operator-leader")["rules"], rules("verbatim-operator-leader"));
    // Only these, two of which are for people, grant permissions.
    let names: Vec<_> = all
        .iter()
        .filter(|object| object["apiVersion"] == "rbac.authorization.k8s.io/v1")
        .map(|object| {
            format!("{} {}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        names,
        [
            "ClusterRole verbatim-view",
            "ClusterRole verbatim-edit",
            "ClusterRole verbatim-operator",
            "ClusterRoleBinding verbatim-operator",
            "Role verbatim-operator-leader",
            "RoleBinding verbatim-operator-leader",
        ]
    );
}

#[test]
fn with_namespaces_it_asks_for_nothing_in_the_whole_cluster() {
    let all = rendered("namespaced");
    for kind in ["ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"] {
        assert!(!all.iter().any(|object| object["kind"] == kind), "{kind}");
    }
    for namespace in ["speech", "archive"] {
        let there: Vec<Value> =
            all.iter().filter(|object| object["metadata"]["namespace"] == namespace).cloned().collect();
        assert_eq!(find(&there, "Role", "verbatim-operator")["rules"], rules("verbatim-operator"));
        let subject = &find(&there, "RoleBinding", "verbatim-operator")["subjects"][0];
        assert_eq!(
            (&subject["name"], &subject["namespace"]),
            (&json!("verbatim-operator"), &json!("verbatim-system"))
        );
        find(&there, "NetworkPolicy", "verbatim-worker");
    }
    let arguments =
        &find(&all, "Deployment", "verbatim-operator")["spec"]["template"]["spec"]["containers"][0]["args"];
    for namespace in ["speech", "archive"] {
        assert!(
            arguments.as_array().unwrap().contains(&json!(format!("--namespace={namespace}"))),
            "{arguments}"
        );
    }
}

/// Two releases in one namespace have a lease each, and cannot touch another one.
#[test]
fn the_lease_is_the_releases_own() {
    let all = objects(&helm::template(&["--set", "fullnameOverride=second"]).unwrap());
    let role = find(&all, "Role", "second-operator-leader");
    assert_eq!(role["rules"][1]["resourceNames"], json!(["second-operator"]));
    let arguments =
        &find(&all, "Deployment", "second-operator")["spec"]["template"]["spec"]["containers"][0]["args"];
    assert!(arguments.as_array().unwrap().contains(&json!("--lease-name=second-operator")), "{arguments}");
}

#[test]
fn the_crd_is_the_types_with_a_mark_that_keeps_it() {
    let all = rendered("default");
    let mut crd = find(&all, "CustomResourceDefinition", "transcriptionjobs.verbatim.dev").clone();
    assert_eq!(crd["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    crd["metadata"] = json!({ "name": crd["metadata"]["name"] });
    let types: Value =
        serde_saphyr::from_str(&repository("crds/transcriptionjobs.verbatim.dev.yaml")).unwrap();
    assert_eq!(crd, types);
}

/// Copies of whole files: Grafana and Prometheus get those of deploy/.
#[test]
fn dashboards_and_rules_are_those_of_deploy() {
    let all = rendered("full");
    let folder = std::fs::read_dir(helm::chart().join("../../deploy/dashboards")).unwrap();
    let files = folder.map(|entry| entry.unwrap().path());
    let mut dashboards = 0;
    for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let map = find(&all, "ConfigMap", &format!("verbatim-dashboard-{name}"));
        let shown: Value =
            serde_json::from_str(map["data"][format!("verbatim-{name}.json")].as_str().unwrap()).unwrap();
        assert_eq!(shown, serde_json::from_str::<Value>(&std::fs::read_to_string(&path).unwrap()).unwrap());
        assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
        dashboards += 1;
    }
    assert!(dashboards >= 3, "{dashboards}");
    let label = "grafana_dashboard";
    assert_eq!(all.iter().filter(|object| object["metadata"]["labels"][label] == "1").count(), dashboards);
    let rules = repository("deploy/alerts/verbatim.rules.yaml")
        .replace("runbook_url: docs/", "runbook_url: https://git.example.net/verbatim/docs/")
        .replace("dashboard_url: d/", "dashboard_url: https://grafana.example.net/d/");
    let rules: Value = serde_saphyr::from_str(&rules).unwrap();
    assert_eq!(find(&all, "PrometheusRule", "verbatim")["spec"], rules);
}

/// Dashboards and alerts select by the labels that these rules set.
#[test]
fn workers_are_labelled_as_a_prometheus_of_ones_own_labels_them() {
    let scrapes: Value = serde_saphyr::from_str(&repository("deploy/prometheus/scrape.yaml")).unwrap();
    let scrapes = scrapes["scrape_configs"].as_array().unwrap();
    let workers = scrapes.iter().find(|scrape| scrape["job_name"] == "verbatim-worker").unwrap();
    let by_scrape: Vec<Value> = workers["relabel_configs"]
        .as_array()
        .unwrap()
        .iter()
        // The Prometheus operator sets these itself.
        .filter(|rule| {
            rule["target_label"].is_string()
                && rule["target_label"] != "namespace"
                && rule["target_label"] != "pod"
        })
        .map(|rule| json!({ "sourceLabels": rule["source_labels"], "targetLabel": rule["target_label"] }))
        .collect();
    let all = rendered("full");
    let monitor = find(&all, "PodMonitor", "verbatim-worker");
    assert_eq!(monitor["spec"]["podMetricsEndpoints"][0]["relabelings"], json!(by_scrape));
}
