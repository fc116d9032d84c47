//! An undisturbed job.

use serde_json::json;

use crate::node::node;
use crate::recordings::{prompts, reference};
use crate::run::Run;

#[test]
fn the_prompts_scale_up_complete_and_say_what_transcribe_says() {
    let node = node();
    let run = Run::start(&node, "node-complete", prompts(), json!({}));
    let status = run.check(reference());
    let events = run.events().join("\n");
    for reason in
        ["Started: 1 worker", "Planned: 568 files", "ScaledUp: 1 -> ", "Complete: 568 files: 568 transcribed"]
    {
        assert!(events.contains(reason), "{reason}:\n{events}");
    }
    assert_eq!(status["restarts"].as_i64().unwrap_or_default(), 0, "{status:#}");
    let table = node.kubectl(&["-n", &run.name, "get", "tj", "job"]);
    assert!(table.contains("568/568"), "{table}");
}
