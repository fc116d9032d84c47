//! Schema of the values: each one is typed, and a misspelt one is rejected with its path.

use serde_json::Value;
use verbatim_testing::helm;

fn schema() -> Value {
    serde_json::from_str(&std::fs::read_to_string(helm::chart().join("values.schema.json")).unwrap()).unwrap()
}

fn values() -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(helm::chart().join("values.yaml")).unwrap()).unwrap()
}

/// Schema at `at`, with its references resolved.
fn resolve<'a>(root: &'a Value, mut at: &'a Value) -> &'a Value {
    while let Some(reference) = at["$ref"].as_str() {
        at = root.pointer(reference.trim_start_matches('#')).unwrap();
    }
    at
}

/// Compares values with their schema, name by name.
fn compare(root: &Value, schema: &Value, values: &Value, place: &str) {
    let schema = resolve(root, schema);
    assert!(schema.get("type").or(schema.get("enum")).is_some(), "{place} has no type");
    let Some(properties) = schema["properties"].as_object() else { return };
    assert_eq!(schema["additionalProperties"], false, "{place} takes any name");
    // Parts of Kubernetes' own types that the schema only names, and that are empty by default.
    let Some(values) = values.as_object().filter(|values| !values.is_empty()) else { return };
    for (name, value) in values {
        let place = format!("{place}.{name}");
        let known = properties.get(name).unwrap_or_else(|| panic!("{place} is not in the schema"));
        compare(root, known, value, &place);
    }
    for name in properties.keys().filter(|name| !["global", "enabled", "claims"].contains(&name.as_str())) {
        assert!(values.contains_key(name), "{place}.{name} is in the schema, and no value");
    }
}

#[test]
fn every_value_is_in_the_schema_with_its_type_and_nothing_else_is() {
    let schema = schema();
    compare(&schema, &schema, &values(), "");
}

#[test]
fn what_is_wrong_is_refused_with_its_place() {
    for (set, place, says) in [
        ("operator.replica=1", "/operator", "'replica' not allowed"),
        ("operators.replicas=1", "''", "'operators' not allowed"),
        ("operator.replicas=two", "/operator/replicas", "want integer"),
        ("operator.leaseSeconds=1", "/operator/leaseSeconds", "want 3"),
        ("operator.lookEvery=10s", "/operator/lookEvery", "does not match pattern"),
        ("operator.lookEvery=5000", "/operator/lookEvery", "want 3,600"),
        ("operator.resources.request.cpu=1", "/operator/resources", "'request' not allowed"),
        ("operator.terminationGracePeriodSeconds=1", "/operator/terminationGracePeriodSeconds", "want 20"),
        ("operator.podDisruptionBudget.maxUnavailable=most", "/maxUnavailable", "does not match pattern"),
        ("operator.nodeSelector.gpu=true", "/operator/nodeSelector/gpu", "want string"),
        ("image.tag=1", "/image/tag", "want string"),
        ("image.registry=https://registry.example.net", "/image/registry", "does not match pattern"),
        ("image.pullPolicy=always", "/image/pullPolicy", "must be one of 'Always'"),
        ("operator.image.digest=abc", "/operator/image/digest", "does not match pattern"),
        ("worker.image.repository=Verbatim", "/worker/image/repository", "does not match pattern"),
        ("worker.template.nodeSelector.a=b", "/worker/template", "'nodeSelector' not allowed"),
        ("worker.imagePullSecrets[0].name=registry", "/worker/imagePullSecrets/0", "want string"),
        ("watchNamespaces=speech", "/watchNamespaces", "want array"),
        ("watchNamespaces={Speech}", "/watchNamespaces/0", "does not match pattern"),
        ("crds.enabled=true", "/crds", "'enabled' not allowed"),
        ("rbac.create=no-thanks", "/rbac/create", "want boolean"),
        ("serviceAccount.names=a", "/serviceAccount", "'names' not allowed"),
        ("networkPolicy.store.ports={70000}", "/networkPolicy/store/ports/0", "want 65,535"),
        ("networkPolicy.store.to[0].cidr=192.0.2.0/24", "/networkPolicy/store/to/0", "'cidr' not allowed"),
        ("monitoring.enabled=maybe", "/monitoring/enabled", "must be one of 'auto', true, false"),
        ("monitoring.podMonitor.interval=15", "/monitoring/podMonitor/interval", "want string"),
        ("dashboards.labels.grafana_dashboard=1", "/dashboards/labels/grafana_dashboard", "want string"),
        ("otlp.endpoint=collector:4317", "/otlp/endpoint", "does not match pattern"),
        ("tests.job=calls", "/tests/job", "want object"),
    ] {
        let error = match helm::template(&["--set", set]) {
            Ok(_) => panic!("{set} was taken"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(place) && error.contains(says), "{set}: {place}, {says}: {error}");
    }
}

/// Checks the name of an image for each way to specify it.
#[test]
fn images_are_named_by_registry_tag_and_digest() {
    let digest = format!("sha256:{}", "0".repeat(64));
    for (sets, operator, worker) in [
        (vec![], "verbatim-operator:0.1.0", "verbatim-worker:0.1.0"),
        (
            vec!["image.registry=registry.example.net:5000/mirror/".to_owned(), "image.tag=1.2".to_owned()],
            "registry.example.net:5000/mirror/verbatim-operator:1.2",
            "registry.example.net:5000/mirror/verbatim-worker:1.2",
        ),
        (
            vec!["image.tag=a".to_owned(), format!("worker.image.digest={digest}")],
            "verbatim-operator:a",
            &format!("verbatim-worker@{digest}"),
        ),
        (
            vec!["operator.image.tag=b".to_owned(), "worker.image.repository=team/worker".to_owned()],
            "verbatim-operator:b",
            "team/worker:0.1.0",
        ),
    ] {
        let mut arguments = vec!["--show-only", "templates/deployment.yaml"];
        arguments.extend(sets.iter().flat_map(|set| ["--set-string", set.as_str()]));
        let rendered = super::objects(&helm::template(&arguments).unwrap());
        let container = &rendered[0]["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["image"], operator);
        let told = container["env"].as_array().unwrap();
        let told = told.iter().find(|variable| variable["name"] == "VERBATIM_WORKER_IMAGE").unwrap();
        assert_eq!(told["value"], worker);
    }
}
