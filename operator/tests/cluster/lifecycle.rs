//! Jobs from manifest to end.

use serde_json::json;

use crate::fixture::{Fixture, condition};
use crate::fleet::Fleet;

#[test]
fn a_job_scales_up_and_completes() {
    let mut fixture = Fixture::shared("sample", Fleet::new(900, 2));
    fixture.operator(&[]);
    fixture.apply("calls", json!({}));
    let status = fixture.until("calls", "three ready workers", |status| status["workers"]["ready"] == 3);
    assert_eq!(condition(&status, "Suspended"), "False NotSuspended");
    fixture.until("calls", "figures", |status| {
        status["speedUp"].is_string() && status["estimatedCompletionTime"].is_string()
    });
    let table = fixture.namespace.kubectl(&["get", "tj", "calls"]).unwrap();
    assert!(table.contains("Running"), "{table}");
    fixture.namespace.kubectl(&["wait", "tj/calls", "--for=condition=Complete", "--timeout=120s"]).unwrap();
    let status = fixture.status("calls");
    assert_eq!(
        status["files"],
        json!({"total": 900, "succeeded": 900, "failed": 0, "skipped": 0, "remaining": 0})
    );
    assert_eq!(status["progress"], "900/900");
    assert_eq!(condition(&status, "Complete"), "True AllFilesDone");
    for (kind, says) in [
        ("StorageReady", "True StorageAvailable"),
        ("ModelReady", "True ModelVerified"),
        ("Progressing", "False Finished"),
        ("Stalled", "False AsExpected"),
        ("Failed", "False NotFailed"),
    ] {
        assert_eq!(condition(&status, kind), says);
    }
    assert!(status["reportRef"].as_str().unwrap().ends_with("report.jsonl"), "{status:#}");
    let events = fixture.events("calls").join("\n");
    for reason in [
        "Started: ",
        "Planned: 900 files",
        "ScaledUp: 1 -> 3 workers",
        "Complete: 900 files: 900 transcribed",
    ] {
        assert!(events.contains(reason), "{reason}:\n{events}");
    }
    assert_eq!(fixture.forbidden(), Vec::<String>::new());
}

#[test]
fn too_many_failed_files_end_the_job_and_a_few_do_not() {
    let mut fixture = Fixture::shared("failed", Fleet::new(60, 1).bad(10));
    fixture.operator(&[]);
    fixture.apply("few", json!({"failurePolicy": {"maxFailedFiles": "20%"}}));
    let status = fixture.until("few", "the end", |status| status["phase"] == "Complete");
    assert_eq!(
        (status["files"]["failed"].as_i64(), status["failures"].as_array().unwrap().len()),
        (Some(10), 5)
    );
    assert!(
        fixture.events("few").iter().any(|event| event.starts_with("FilesFailed: ")),
        "{:?}",
        fixture.events("few")
    );
    // The same recordings are all done, which the second job learns at once.
    fixture.apply("many", json!({"failurePolicy": {"maxFailedFiles": "3"}}));
    let status = fixture.until("many", "the end", |status| status["phase"] == "Failed");
    assert_eq!(condition(&status, "Failed"), "True TooManyFailedFiles");
    assert_eq!(condition(&status, "Complete"), "False TooManyFailedFiles");
}

#[test]
fn a_configuration_error_is_reported_and_retried_or_fails_the_job() {
    use verbatim_crds::contract::messages::Cause;
    let mut fixture = Fixture::shared("wrong", Fleet::new(40, 1));
    fixture.fleet.stillborn(Some(Fleet::configuration_error(
        Cause::StorageUnavailable,
        "storage.endpoint: nobody answers at s3.nowhere",
    )));
    fixture.operator(&[]);
    fixture.apply("calls", json!({}));
    let status =
        fixture.until("calls", "a retry", |status| condition(status, "Stalled") == "True StorageUnavailable");
    assert_eq!(condition(&status, "StorageReady"), "False StorageUnavailable");
    assert_eq!(condition(&status, "Progressing"), "True Retrying");
    assert!(status.to_string().contains("nobody answers at s3.nowhere"), "{status:#}");
    fixture.fleet.stillborn(None);
    let status = fixture.until("calls", "the end", |status| status["phase"] == "Complete");
    assert_eq!(
        (condition(&status, "StorageReady").as_str(), &status["round"]),
        ("True StorageAvailable", &json!(1))
    );

    fixture.fleet.stillborn(Some(Fleet::configuration_error(
        Cause::ConditionalWritesUnsupported,
        "set storage.allowDuplicateWork: true",
    )));
    fixture.apply("refused", json!({}));
    let status = fixture.until("refused", "the end", |status| status["phase"] == "Failed");
    assert_eq!(condition(&status, "Failed"), "True ConditionalWritesUnsupported");
    assert_eq!(condition(&status, "StorageReady"), "False ConditionalWritesUnsupported");
    assert_eq!(fixture.forbidden(), Vec::<String>::new());
}

#[test]
fn a_deadline_fails_a_job_and_its_ttl_deletes_it() {
    let mut fixture = Fixture::shared("deadline", Fleet::new(1000, 20));
    fixture.operator(&[]);
    fixture.apply("late", json!({"activeDeadlineSeconds": 4}));
    let status = fixture.until("late", "the deadline", |status| status["phase"] == "Failed");
    assert_eq!(condition(&status, "Failed"), "True DeadlineExceeded");
    fixture.until("late", "the end of the workers", |status| status["workers"]["ready"] == 0);
    fixture.patch("late", &json!({"ttlSecondsAfterFinished": 1}));
    fixture.namespace.kubectl(&["wait", "tj/late", "--for=delete", "--timeout=60s"]).unwrap();
    fixture.namespace.kubectl(&["wait", "job/late-0", "--for=delete", "--timeout=60s"]).unwrap();
    assert!(fixture.fleet.exits().iter().all(|code| *code == 75), "{:?}", fixture.fleet.exits());
    assert_eq!(fixture.forbidden(), Vec::<String>::new());
}
