//! What hinders a job is said in the words of who hinders it.

use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::stage::{Stage, condition};

#[test]
fn a_gpu_that_is_not_there_is_said_in_the_schedulers_words() {
    let mut stage = Stage::shared("gpu", Fleet::new(10, 1));
    stage.operator(&[]);
    let worker = json!({"name": "worker", "resources": {"limits": {"nvidia.com/gpu": 1}}});
    stage.apply("calls", json!({"template": {"spec": {"containers": [worker]}}}));
    let status =
        stage.until("calls", "the stall", |status| condition(status, "Stalled") == "True Unschedulable");
    assert!(status.to_string().contains("Insufficient nvidia.com/gpu"), "{status:#}");
    assert_eq!(status["phase"], "Pending");
    assert!(stage.events("calls").iter().any(|event| event.starts_with("Stalled: Unschedulable")));
}

#[test]
fn a_quota_that_is_used_up_is_said() {
    let mut stage = Stage::shared("quota", Fleet::new(10, 1));
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}});
    stage.namespace.apply(&quota.to_string()).unwrap();
    stage.operator(&[]);
    stage.apply("calls", json!({}));
    let status =
        stage.until("calls", "the stall", |status| condition(status, "Stalled") == "True QuotaExceeded");
    assert!(status.to_string().contains("exceeded quota"), "{status:#}");
    stage.namespace.kubectl(&["delete", "resourcequota", "none"]).unwrap();
    let status = stage.until("calls", "the end", |status| status["phase"] == "Complete");
    assert_eq!(condition(&status, "Stalled"), "False AsExpected");
    assert_eq!(stage.forbidden(), Vec::<String>::new());
}

#[test]
fn a_template_that_is_none_is_refused_in_the_status() {
    let mut stage = Stage::shared("template", Fleet::new(10, 1));
    stage.operator(&[]);
    stage.apply("calls", json!({"template": {"spec": {"restartPolicy": "Always"}}}));
    let status =
        stage.until("calls", "the refusal", |status| condition(status, "Stalled") == "True InvalidSpec");
    assert!(status.to_string().contains("restartPolicy must be Never"), "{status:#}");
    assert_eq!(stage.get("jobs")["items"].as_array().unwrap().len(), 0);
    // It is not lost: a better one goes on.
    stage.patch("calls", &json!({"template": {"spec": {"restartPolicy": "Never"}}}));
    stage.until("calls", "the end", |status| status["phase"] == "Complete");
}

#[test]
fn what_the_api_server_refuses_is_said_in_its_words() {
    let mut stage = Stage::shared("refused", Fleet::new(10, 1));
    stage.operator(&[]);
    let worker =
        |resources: Value| json!({"spec": {"containers": [{"name": "worker", "resources": resources}]}});
    let wrong = json!({"requests": {"cpu": "2"}, "limits": {"cpu": "1"}});
    stage.apply("calls", json!({"template": worker(wrong)}));
    let status = stage.until("calls", "the refusal", |status| condition(status, "Stalled") == "True Refused");
    assert!(status.to_string().contains("must be less than or equal to cpu limit of 1"), "{status:#}");
    // Nothing has begun, and nothing says so; the time of a deadline does not run.
    assert_eq!((&status["phase"], &status["startTime"]), (&json!("Pending"), &Value::Null), "{status:#}");
    assert_eq!(stage.get("jobs")["items"].as_array().unwrap().len(), 0);
    let events = stage.events("calls");
    assert!(!events.iter().any(|event| event.starts_with("Started")), "{events:#?}");
    // Mended, it goes on: with a limit below what a worker asks for where nothing else is said.
    let replaced = json!([{"op": "replace", "path": "/spec/template", "value": worker(json!({"limits": {"cpu": "700m"}}))}]);
    let patch = replaced.to_string();
    stage.namespace.kubectl(&["patch", "tj", "calls", "--type=json", "--patch", &patch]).unwrap();
    let status = stage.until("calls", "the end", |status| status["phase"] == "Complete");
    assert_eq!(condition(&status, "Stalled"), "False AsExpected");
    let resources = &stage.get("job/calls-0")["spec"]["template"]["spec"]["containers"][0]["resources"];
    assert_eq!(
        (&resources["requests"]["cpu"], &resources["limits"]["cpu"]),
        (&json!("700m"), &json!("700m"))
    );
    let told = stage.events("calls").iter().filter(|event| event.contains("Refused: ")).count();
    assert_eq!(told, 1);
}

#[test]
fn a_queue_is_waited_for() {
    let mut stage = Stage::shared("queue", Fleet::new(40, 1));
    stage.operator(&[]);
    let job = json!({
        "apiVersion": "verbatim.dev/v1alpha1", "kind": "TranscriptionJob",
        "metadata": {"name": "calls", "labels": {"kueue.x-k8s.io/queue-name": "batch"}},
        "spec": {
            "source": {"s3": {"bucket": "calls", "prefix": "a/"}},
            "destination": {"s3": {"bucket": "transcripts", "prefix": "a/"}},
        },
    });
    stage.namespace.apply(&job.to_string()).unwrap();
    let status = stage
        .until("calls", "the stall", |status| condition(status, "Stalled") == "True WaitingForAdmission");
    assert_eq!(condition(&status, "Suspended"), "False NotSuspended");
    let built = stage.get("job/calls-0");
    assert_eq!(built["metadata"]["labels"]["kueue.x-k8s.io/queue-name"], "batch");
    assert_eq!(built["metadata"]["annotations"]["kueue.x-k8s.io/elastic-job"], "true");
    // The queue admits it, as Kueue does.
    stage
        .namespace
        .kubectl(&["patch", "job", "calls-0", "--type=merge", "--patch", r#"{"spec":{"suspend":false}}"#])
        .unwrap();
    stage.until("calls", "the end", |status| status["phase"] == "Complete");
}
