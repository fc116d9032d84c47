//! The CRD on a real API server: valid manifests are accepted, and invalid ones are rejected with a message.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use verbatim_testing::cluster::{self, Namespace};

#[path = "../../../crds/tests/refusals/mod.rs"]
mod refusals;

use refusals::Refusal;

/// Longest time for the API server to serve a newly defined kind.
const SERVED: Duration = Duration::from_secs(30);

/// Creates a namespace in a cluster that has the CRD.
fn namespace(prefix: &str) -> Namespace {
    static CRD: OnceLock<()> = OnceLock::new();
    let cluster = cluster::shared();
    CRD.get_or_init(|| {
        cluster.apply(include_str!("../../../crds/transcriptionjobs.verbatim.dev.yaml")).unwrap();
        let begun = Instant::now();
        while let Err(error) = cluster.kubectl(&["get", "tj"]) {
            assert!(begun.elapsed() < SERVED, "{error}");
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    cluster.namespace(prefix).unwrap()
}

/// Checks that the API server rejects an invalid manifest, with a message that names the field and the cause.
fn refused(namespace: &Namespace, Refusal { name, manifest, field, says }: &Refusal) {
    let answer = match namespace.apply(&manifest.to_string()) {
        Ok(answer) => panic!("{name}: was taken: {answer}"),
        Err(error) => error.to_string(),
    };
    let lower = answer.to_lowercase();
    assert!(lower.contains(&field.to_lowercase()), "{name}: {field} is not in: {answer}");
    for words in says {
        assert!(lower.contains(&words.to_lowercase()), "{name}: {words:?} is not in: {answer}");
    }
}

fn status(namespace: &Namespace, status: &Value) {
    let patch = json!({ "status": status }).to_string();
    namespace
        .kubectl(&["patch", "tj", "calls", "--subresource=status", "--type=merge", "-p", &patch])
        .unwrap();
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-11-24T12:00:00Z",
    })
}

#[test]
fn what_cannot_work_is_refused_with_the_field_and_what_to_do() {
    let namespace = namespace("refusals");
    for refusal in refusals::all() {
        refused(&namespace, &refusal);
    }
}

#[test]
fn a_job_that_has_started_keeps_what_its_plan_rests_on() {
    let namespace = namespace("started");
    let apply = |manifest: &Value| namespace.apply(&manifest.to_string()).unwrap();
    apply(&refusals::base());
    // Before the job starts, every field may change.
    for change in refusals::started() {
        apply(&change.manifest);
    }
    apply(&refusals::base());
    status(&namespace, &json!({ "startTime": "2026-11-24T12:00:00Z" }));
    for change in refusals::started() {
        refused(&namespace, &change);
    }
    for change in [
        json!({ "suspend": true }),
        json!({ "scaling": { "maxWorkers": 30 } }),
        json!({ "activeDeadlineSeconds": 100 }),
        json!({ "template": { "spec": { "nodeSelector": { "pool": "gpu" } } } }),
        json!({ "model": { "name": "moonshine-tiny-en" } }),
    ] {
        let patch = json!({ "spec": change }).to_string();
        namespace.kubectl(&["patch", "tj", "calls", "--type=merge", "-p", &patch]).unwrap();
    }
    // Null is equivalent to a missing field, as templates write it.
    let null = json!([{ "op": "add", "path": "/spec/source/keys", "value": null }]).to_string();
    namespace.kubectl(&["patch", "tj", "calls", "--type=json", "-p", &null]).unwrap();
}

#[test]
fn every_sample_is_taken() {
    let namespace = namespace("samples");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/samples");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 16);
    for path in paths {
        let path = path.to_str().unwrap();
        namespace.kubectl(&["apply", "--server-side", "--dry-run=server", "-f", path]).unwrap();
    }
}

#[test]
fn people_see_scale_select_and_wait() {
    let namespace = namespace("people");
    namespace.apply(&refusals::base().to_string()).unwrap();
    let conditions = |complete: &str| {
        json!([
            condition("Progressing", "True", "Transcribing", "workers transcribe"),
            condition("Complete", complete, "NotFinished", ""),
        ])
    };
    status(
        &namespace,
        &json!({
            "phase": "Running", "progress": "81612/120000", "speedUp": "2930x", "files": { "failed": 12 },
            "estimatedCompletionTime": "2126-11-24T18:20:00Z", "workers": { "desired": 12, "ready": 11 },
            "realTimeFactor": "0.0041", "restarts": 1, "conditions": conditions("False"),
        }),
    );
    let table = namespace.kubectl(&["get", "tj", "-o", "wide"]).unwrap();
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let expected = "NAME PHASE PROGRESS FAILED SPEED-UP WORKERS ETA AGE RTF RESTARTS MESSAGE";
    assert_eq!(lines.next().unwrap().join(" "), expected);
    let row = lines.next().unwrap();
    assert_eq!(row[..7], ["calls", "Running", "81612/120000", "12", "2930x", "11", "2126-11-24T18:20:00Z"]);
    assert_eq!(row[8..], ["0.0041", "1", "workers", "transcribe"]);

    namespace.kubectl(&["scale", "tj/calls", "--replicas=5"]).unwrap();
    let most =
        namespace.kubectl(&["get", "tj", "calls", "-o", "jsonpath={.spec.scaling.maxWorkers}"]).unwrap();
    assert_eq!(most, "5");
    let none = namespace.kubectl(&["scale", "tj/calls", "--replicas=0"]).unwrap_err().to_string();
    assert!(none.contains("set spec.suspend to true"), "{none}");

    let by_phase = |phase: &str| {
        let selector = format!("status.phase={phase}");
        namespace.kubectl(&["get", "tj", "-o", "name", "--field-selector", &selector]).unwrap()
    };
    assert_eq!(by_phase("Running").trim(), "transcriptionjob.verbatim.dev/calls");
    assert_eq!(by_phase("Failed").trim(), "");

    let wait = |limit: &str| {
        namespace.kubectl(&["wait", "tj/calls", "--for=condition=Complete", &format!("--timeout={limit}")])
    };
    wait("1s").unwrap_err();
    status(&namespace, &json!({ "conditions": conditions("True") }));
    wait("30s").unwrap();
}

/// Checks the output of `kubectl explain` for fields: type, bounds and meaning, so that nobody has to read
/// the code.
#[test]
fn fields_are_explained() {
    let namespace = namespace("explain");
    let explain = |field: &str| {
        let text = namespace.kubectl(&["explain", &format!("tj.spec.{field}")]).unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(explain("scaling").contains("Maximum number of workers. `kubectl scale` sets it. Default: 10."));
    assert!(explain("destination.layout").contains("Adjacent: beside each recording"));
    assert!(explain("template").contains("container is named `worker`"));
}
