//! Stalled jobs report the obstacle with its source's message.

use serde_json::{Value, json};

use crate::fixture::{Fixture, condition};
use crate::fleet::Fleet;

#[test]
fn a_missing_gpu_is_reported_with_the_schedulers_message() {
    let mut fixture = Fixture::shared("gpu", Fleet::new(10, 1));
    fixture.operator(&[]);
    let worker = json!({"name": "worker", "resources": {"limits": {"nvidia.com/gpu": 1}}});
    fixture.apply("calls", json!({"template": {"spec": {"containers": [worker]}}}));
    let status =
        fixture.until("calls", "the stall", |status| condition(status, "Stalled") == "True Unschedulable");
    assert!(status.to_string().contains("Insufficient nvidia.com/gpu"), "{status:#}");
    assert_eq!(status["phase"], "Pending");
    assert!(fixture.events("calls").iter().any(|event| event.starts_with("Stalled: Unschedulable")));
}

#[test]
fn an_exceeded_quota_is_reported() {
    let mut fixture = Fixture::shared("quota", Fleet::new(10, 1));
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}});
    fixture.namespace.apply(&quota.to_string()).unwrap();
    fixture.operator(&[]);
    fixture.apply("calls", json!({}));
    let status =
        fixture.until("calls", "the stall", |status| condition(status, "Stalled") == "True QuotaExceeded");
    assert!(status.to_string().contains("exceeded quota"), "{status:#}");
    fixture.namespace.kubectl(&["delete", "resourcequota", "none"]).unwrap();
    let status = fixture.until("calls", "the end", |status| status["phase"] == "Complete");
    assert_eq!(condition(&status, "Stalled"), "False AsExpected");
    assert_eq!(fixture.forbidden(), Vec::<String>::new());
}

#[test]
fn an_invalid_template_is_reported() {
    let mut fixture = Fixture::shared("template", Fleet::new(10, 1));
    fixture.operator(&[]);
    fixture.apply("calls", json!({"template": {"spec": {"restartPolicy": "Always"}}}));
    let status =
        fixture.until("calls", "the refusal", |status| condition(status, "Stalled") == "True InvalidSpec");
    assert!(status.to_string().contains("restartPolicy must be Never"), "{status:#}");
    assert_eq!(fixture.get("jobs")["items"].as_array().unwrap().len(), 0);
    // A valid template lets the job continue.
    fixture.patch("calls", &json!({"template": {"spec": {"restartPolicy": "Never"}}}));
    fixture.until("calls", "the end", |status| status["phase"] == "Complete");
}

#[test]
fn a_refusal_is_reported_with_the_api_servers_message() {
    let mut fixture = Fixture::shared("refused", Fleet::new(10, 1));
    fixture.operator(&[]);
    let worker =
        |resources: Value| json!({"spec": {"containers": [{"name": "worker", "resources": resources}]}});
    let wrong = json!({"requests": {"cpu": "2"}, "limits": {"cpu": "1"}});
    fixture.apply("calls", json!({"template": worker(wrong)}));
    let status =
        fixture.until("calls", "the refusal", |status| condition(status, "Stalled") == "True Refused");
    assert!(status.to_string().contains("must be less than or equal to cpu limit of 1"), "{status:#}");
    // Nothing has started: no status or event claims it, and the deadline does not run.
    assert_eq!((&status["phase"], &status["startTime"]), (&json!("Pending"), &Value::Null), "{status:#}");
    assert_eq!(fixture.get("jobs")["items"].as_array().unwrap().len(), 0);
    let events = fixture.events("calls");
    assert!(!events.iter().any(|event| event.starts_with("Started")), "{events:#?}");
    // Corrected, the job continues: the limit is below a worker's default request.
    let replaced = json!([{"op": "replace", "path": "/spec/template", "value": worker(json!({"limits": {"cpu": "700m"}}))}]);
    let patch = replaced.to_string();
    fixture.namespace.kubectl(&["patch", "tj", "calls", "--type=json", "--patch", &patch]).unwrap();
    let status = fixture.until("calls", "the end", |status| status["phase"] == "Complete");
    assert_eq!(condition(&status, "Stalled"), "False AsExpected");
    let resources = &fixture.get("job/calls-0")["spec"]["template"]["spec"]["containers"][0]["resources"];
    assert_eq!(
        (&resources["requests"]["cpu"], &resources["limits"]["cpu"]),
        (&json!("700m"), &json!("700m"))
    );
    let refusals = fixture.events("calls").iter().filter(|event| event.contains("Refused: ")).count();
    assert_eq!(refusals, 1);
}

#[test]
fn admission_by_a_queue_is_awaited() {
    let mut fixture = Fixture::shared("queue", Fleet::new(40, 1));
    fixture.operator(&[]);
    let job = json!({
        "apiVersion": "verbatim.dev/v1alpha1", "kind": "TranscriptionJob",
        "metadata": {"name": "calls", "labels": {"kueue.x-k8s.io/queue-name": "batch"}},
        "spec": {
            "source": {"s3": {"bucket": "calls", "prefix": "a/"}},
            "destination": {"s3": {"bucket": "transcripts", "prefix": "a/"}},
        },
    });
    fixture.namespace.apply(&job.to_string()).unwrap();
    let status = fixture
        .until("calls", "the stall", |status| condition(status, "Stalled") == "True WaitingForAdmission");
    assert_eq!(condition(&status, "Suspended"), "False NotSuspended");
    let built = fixture.get("job/calls-0");
    assert_eq!(built["metadata"]["labels"]["kueue.x-k8s.io/queue-name"], "batch");
    assert_eq!(built["metadata"]["annotations"]["kueue.x-k8s.io/elastic-job"], "true");
    // Admission, as Kueue does it.
    fixture
        .namespace
        .kubectl(&["patch", "job", "calls-0", "--type=merge", "--patch", r#"{"spec":{"suspend":false}}"#])
        .unwrap();
    fixture.until("calls", "the end", |status| status["phase"] == "Complete");
}
