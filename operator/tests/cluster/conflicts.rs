//! Other writers of the operator's objects and fields.

use serde_json::{Value, json};

use crate::fixture::{Fixture, condition};
use crate::fleet::Fleet;

/// Managers that own a field.
fn owners<'a>(object: &'a Value, path: &[&str]) -> Vec<&'a str> {
    let managers = object["metadata"]["managedFields"].as_array().unwrap();
    let owns = |manager: &&Value| {
        let fields = path.iter().fold(&manager["fieldsV1"], |fields, name| &fields[format!("f:{name}")]);
        !fields.is_null()
    };
    managers.iter().filter(owns).map(|manager| manager["manager"].as_str().unwrap()).collect()
}

fn with_managers(fixture: &Fixture<'_>, what: &str) -> Value {
    let text = fixture.namespace.kubectl(&["get", what, "-o", "json", "--show-managed-fields"]).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// An autoscaler or a person: the operator decides the number of workers, within the job's bounds.
#[test]
fn the_number_of_workers_is_restored() {
    let mut fixture = Fixture::shared("numbers", Fleet::new(100_000, 1));
    fixture.operator(&[]);
    fixture.apply("calls", json!({}));
    fixture.until("calls", "three workers", |status| status["workers"]["ready"] == 3);
    let override_ = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "calls-0"},
        "spec": {"parallelism": 1, "completions": 1},
    });
    let path = fixture.logs.path().join("override.json");
    std::fs::write(&path, override_.to_string()).unwrap();
    let apply = ["apply", "--server-side", "--force-conflicts", "--field-manager", "autoscaler", "-f"];
    fixture.namespace.kubectl(&[&apply[..], &[path.to_str().unwrap()]].concat()).unwrap();
    std::fs::remove_file(&path).unwrap();
    let begun = std::time::Instant::now();
    let job = loop {
        let job = with_managers(&fixture, "job/calls-0");
        if job["spec"]["parallelism"] == 3 && job["spec"]["completions"] == 3 {
            break job;
        }
        assert!(begun.elapsed() < crate::fixture::LIMIT, "{job:#}\n{}", fixture.log());
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    assert_eq!(owners(&job, &["spec", "parallelism"]), ["verbatim-operator"]);
    fixture.until("calls", "three workers again", |status| status["workers"]["ready"] == 3);
    let status = fixture.status("calls");
    assert_eq!((condition(&status, "Stalled").as_str(), &status["round"]), ("False AsExpected", &json!(0)));
}

/// The status reports the observation, whatever another writer put there.
#[test]
fn a_foreign_status_is_overwritten() {
    let mut fixture = Fixture::shared("status", Fleet::new(100_000, 1));
    fixture.operator(&[]);
    fixture.apply("calls", json!({}));
    fixture.until("calls", "work", |status| status["workers"]["ready"] == 3);
    let wrong = r#"{"status":{"phase":"Failed","workers":{"desired":99,"ready":99}}}"#;
    let patch = ["patch", "tj", "calls", "--subresource=status", "--type=merge", "--field-manager", "other"];
    fixture.namespace.kubectl(&[&patch[..], &["--patch", wrong]].concat()).unwrap();
    fixture.until("calls", "the truth", |status| {
        status["phase"] == "Running" && status["workers"] == json!({"desired": 3, "ready": 3})
    });
    let job = with_managers(&fixture, "tj/calls");
    assert_eq!(owners(&job, &["status", "phase"]), ["verbatim-operator"]);
    // The false end had no effect.
    assert_eq!(fixture.get("job/calls-0")["spec"]["suspend"], json!(false));
}

/// A foreign ConfigMap is not overwritten: the job reports it and waits.
#[test]
fn a_foreign_configuration_is_reported_and_kept() {
    let mut fixture = Fixture::shared("foreign", Fleet::new(40, 1));
    let foreign = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "calls-verbatim"}, "data": {"job.json": "mine"},
    });
    fixture.namespace.apply(&foreign.to_string()).unwrap();
    fixture.operator(&[]);
    fixture.apply("calls", json!({}));
    let status =
        fixture.until("calls", "the refusal", |status| condition(status, "Stalled") == "True Refused");
    assert_eq!((&status["phase"], &status["startTime"]), (&json!("Pending"), &Value::Null), "{status:#}");
    let events = fixture.events("calls").join("\n");
    assert!(events.contains("ConfigMap") && events.contains("conflict"), "{events}");
    assert_eq!(fixture.get("configmap/calls-verbatim")["data"]["job.json"], "mine");
    assert_eq!(fixture.get("jobs")["items"].as_array().unwrap().len(), 0);
    fixture.namespace.kubectl(&["delete", "configmap", "calls-verbatim"]).unwrap();
    let status = fixture.until("calls", "the end", |status| status["phase"] == "Complete");
    assert_eq!(condition(&status, "Stalled"), "False AsExpected");
    let events = fixture.events("calls");
    // Only once, despite the retries.
    assert_eq!(events.iter().filter(|event| event.contains("Refused: ")).count(), 1, "{events:#?}");
}
