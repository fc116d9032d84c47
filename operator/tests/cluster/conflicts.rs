//! Others who write to what is the operator's.

use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::stage::{Stage, condition};

/// Who owns a field, by the managers that say they do.
fn owners<'a>(object: &'a Value, path: &[&str]) -> Vec<&'a str> {
    let managers = object["metadata"]["managedFields"].as_array().unwrap();
    let owns = |manager: &&Value| {
        let fields = path.iter().fold(&manager["fieldsV1"], |fields, name| &fields[format!("f:{name}")]);
        !fields.is_null()
    };
    managers.iter().filter(owns).map(|manager| manager["manager"].as_str().unwrap()).collect()
}

fn with_managers(stage: &Stage<'_>, what: &str) -> Value {
    let text = stage.namespace.kubectl(&["get", what, "-o", "json", "--show-managed-fields"]).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// An autoscaler, or a person: the number of workers is the operator's to find, within what the job says.
#[test]
fn the_number_of_workers_is_taken_back_from_another_manager() {
    let mut stage = Stage::shared("numbers", Fleet::new(100_000, 1));
    stage.operator(&[]);
    stage.apply("calls", json!({}));
    stage.until("calls", "three workers", |status| status["workers"]["ready"] == 3);
    let wish = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "calls-0"},
        "spec": {"parallelism": 1, "completions": 1},
    });
    let path = stage.logs.path().join("wish.json");
    std::fs::write(&path, wish.to_string()).unwrap();
    let apply = ["apply", "--server-side", "--force-conflicts", "--field-manager", "autoscaler", "-f"];
    stage.namespace.kubectl(&[&apply[..], &[path.to_str().unwrap()]].concat()).unwrap();
    std::fs::remove_file(&path).unwrap();
    let begun = std::time::Instant::now();
    let job = loop {
        let job = with_managers(&stage, "job/calls-0");
        if job["spec"]["parallelism"] == 3 && job["spec"]["completions"] == 3 {
            break job;
        }
        assert!(begun.elapsed() < crate::stage::LIMIT, "{job:#}\n{}", stage.log());
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    assert_eq!(owners(&job, &["spec", "parallelism"]), ["verbatim-operator"]);
    stage.until("calls", "three workers again", |status| status["workers"]["ready"] == 3);
    let status = stage.status("calls");
    assert_eq!((condition(&status, "Stalled").as_str(), &status["round"]), ("False AsExpected", &json!(0)));
}

/// The status says what was seen, whoever wrote something else there.
#[test]
fn a_status_of_somebody_else_is_written_over() {
    let mut stage = Stage::shared("status", Fleet::new(100_000, 1));
    stage.operator(&[]);
    stage.apply("calls", json!({}));
    stage.until("calls", "work", |status| status["workers"]["ready"] == 3);
    let lie = r#"{"status":{"phase":"Failed","workers":{"desired":99,"ready":99}}}"#;
    let patch = ["patch", "tj", "calls", "--subresource=status", "--type=merge", "--field-manager", "liar"];
    stage.namespace.kubectl(&[&patch[..], &["--patch", lie]].concat()).unwrap();
    stage.until("calls", "the truth", |status| {
        status["phase"] == "Running" && status["workers"] == json!({"desired": 3, "ready": 3})
    });
    let job = with_managers(&stage, "tj/calls");
    assert_eq!(owners(&job, &["status", "phase"]), ["verbatim-operator"]);
    // Nobody believed that it was over.
    assert_eq!(stage.get("job/calls-0")["spec"]["suspend"], json!(false));
}

/// A ConfigMap that is somebody else's is not taken: the job says so and waits.
#[test]
fn a_configuration_of_somebody_else_is_left_alone_and_said() {
    let mut stage = Stage::shared("foreign", Fleet::new(40, 1));
    let foreign = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "calls-verbatim"}, "data": {"job.json": "mine"},
    });
    stage.namespace.apply(&foreign.to_string()).unwrap();
    stage.operator(&[]);
    stage.apply("calls", json!({}));
    let status = stage.until("calls", "the refusal", |status| condition(status, "Stalled") == "True Refused");
    assert_eq!((&status["phase"], &status["startTime"]), (&json!("Pending"), &Value::Null), "{status:#}");
    let events = stage.events("calls").join("\n");
    assert!(events.contains("ConfigMap") && events.contains("conflict"), "{events}");
    assert_eq!(stage.get("configmap/calls-verbatim")["data"]["job.json"], "mine");
    assert_eq!(stage.get("jobs")["items"].as_array().unwrap().len(), 0);
    stage.namespace.kubectl(&["delete", "configmap", "calls-verbatim"]).unwrap();
    let status = stage.until("calls", "the end", |status| status["phase"] == "Complete");
    assert_eq!(condition(&status, "Stalled"), "False AsExpected");
    let events = stage.events("calls");
    // Once, however often it was tried.
    assert_eq!(events.iter().filter(|event| event.contains("Refused: ")).count(), 1, "{events:#?}");
}
