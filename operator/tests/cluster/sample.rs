//! A job from its manifest to its end.

use serde_json::json;

use crate::fleet::Fleet;
use crate::stage::{Stage, condition};

#[test]
fn a_job_scales_up_completes_and_says_so() {
    let mut stage = Stage::shared("sample", Fleet::new(900, 2));
    stage.operator(&[]);
    stage.apply("calls", json!({}));
    let status = stage.until("calls", "three ready workers", |status| status["workers"]["ready"] == 3);
    assert_eq!(condition(&status, "Suspended"), "False NotSuspended");
    stage.until("calls", "figures", |status| {
        status["speedUp"].is_string() && status["estimatedCompletionTime"].is_string()
    });
    let table = stage.namespace.kubectl(&["get", "tj", "calls"]).unwrap();
    assert!(table.contains("Running"), "{table}");
    stage.namespace.kubectl(&["wait", "tj/calls", "--for=condition=Complete", "--timeout=120s"]).unwrap();
    let status = stage.status("calls");
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
    let events = stage.events("calls").join("\n");
    for reason in [
        "Started: ",
        "Planned: 900 files",
        "ScaledUp: 1 -> 3 workers",
        "Complete: 900 files: 900 transcribed",
    ] {
        assert!(events.contains(reason), "{reason}:\n{events}");
    }
    assert_eq!(stage.forbidden(), Vec::<String>::new());
}

#[test]
fn too_many_failed_files_end_the_job_and_a_few_do_not() {
    let mut stage = Stage::shared("failed", Fleet::new(60, 1).bad(10));
    stage.operator(&[]);
    stage.apply("few", json!({"failurePolicy": {"maxFailedFiles": "20%"}}));
    let status = stage.until("few", "the end", |status| status["phase"] == "Complete");
    assert_eq!(
        (status["files"]["failed"].as_i64(), status["failures"].as_array().unwrap().len()),
        (Some(10), 5)
    );
    assert!(
        stage.events("few").iter().any(|event| event.starts_with("FilesFailed: ")),
        "{:?}",
        stage.events("few")
    );
    // The same recordings are all done: the second job hears so at once.
    stage.apply("many", json!({"failurePolicy": {"maxFailedFiles": "3"}}));
    let status = stage.until("many", "the end", |status| status["phase"] == "Failed");
    assert_eq!(condition(&status, "Failed"), "True TooManyFailedFiles");
    assert_eq!(condition(&status, "Complete"), "False TooManyFailedFiles");
}

#[test]
fn a_wrong_configuration_is_named_tried_again_and_given_up() {
    use verbatim_crds::contract::messages::Cause;
    let mut stage = Stage::shared("wrong", Fleet::new(40, 1));
    stage.fleet.stillborn(Some(Fleet::wrong(
        Cause::StorageUnavailable,
        "storage.endpoint: nobody answers at s3.nowhere",
    )));
    stage.operator(&[]);
    stage.apply("calls", json!({}));
    let status =
        stage.until("calls", "a retry", |status| condition(status, "Stalled") == "True StorageUnavailable");
    assert_eq!(condition(&status, "StorageReady"), "False StorageUnavailable");
    assert_eq!(condition(&status, "Progressing"), "True Retrying");
    assert!(status.to_string().contains("nobody answers at s3.nowhere"), "{status:#}");
    stage.fleet.stillborn(None);
    let status = stage.until("calls", "the end", |status| status["phase"] == "Complete");
    assert_eq!(
        (condition(&status, "StorageReady").as_str(), &status["round"]),
        ("True StorageAvailable", &json!(1))
    );

    stage.fleet.stillborn(Some(Fleet::wrong(
        Cause::ConditionalWritesUnsupported,
        "set storage.allowDuplicateWork: true",
    )));
    stage.apply("refused", json!({}));
    let status = stage.until("refused", "the end", |status| status["phase"] == "Failed");
    assert_eq!(condition(&status, "Failed"), "True ConditionalWritesUnsupported");
    assert_eq!(condition(&status, "StorageReady"), "False ConditionalWritesUnsupported");
    assert_eq!(stage.forbidden(), Vec::<String>::new());
}

#[test]
fn a_deadline_ends_a_job_and_time_after_its_end_deletes_it() {
    let mut stage = Stage::shared("deadline", Fleet::new(1000, 20));
    stage.operator(&[]);
    stage.apply("late", json!({"activeDeadlineSeconds": 4}));
    let status = stage.until("late", "the deadline", |status| status["phase"] == "Failed");
    assert_eq!(condition(&status, "Failed"), "True DeadlineExceeded");
    stage.until("late", "the end of the workers", |status| status["workers"]["ready"] == 0);
    stage.patch("late", &json!({"ttlSecondsAfterFinished": 1}));
    stage.namespace.kubectl(&["wait", "tj/late", "--for=delete", "--timeout=60s"]).unwrap();
    stage.namespace.kubectl(&["wait", "job/late-0", "--for=delete", "--timeout=60s"]).unwrap();
    assert!(stage.fleet.exits().iter().all(|code| *code == 75), "{:?}", stage.fleet.exits());
    assert_eq!(stage.forbidden(), Vec::<String>::new());
}
