//! The operator's metrics page, checked by Prometheus' own tool.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use verbatim_operator::metrics::Metrics;

/// A page with all series.
fn page() -> String {
    let metrics = Arc::new(Metrics::default());
    metrics.leads(true);
    metrics.reconciled(Duration::from_millis(3), Duration::from_millis(1));
    metrics.failed("apply");
    metrics.scraped(1, 1);
    let status = json!({
        "phase": "Running",
        "files": {"total": 9, "succeeded": 3, "failed": 1, "skipped": 0, "remaining": 5},
        "audioSeconds": {"done": 10, "remaining": 20},
        "realTimeFactor": "0.01", "speedUp": "100x", "workers": {"desired": 2, "ready": 1},
        "estimatedCompletionTime": "2026-11-23T10:20:00Z", "recycles": {}, "restarts": 0,
        "conditions": [{"type": "Complete", "status": "False", "reason": "NotFinished", "message": "",
            "lastTransitionTime": "2026-11-23T10:20:00Z"}],
    });
    for name in ["first", "second"] {
        let status = serde_json::from_value(status.clone()).unwrap();
        metrics.job(name, "calls".into(), name.into(), Some(1.0), status);
    }
    metrics.page().unwrap()
}

/// The page in Prometheus' text format, which the tool reads: a counter's family has the name of its samples,
/// and there is no end mark.
fn as_text(page: &str) -> String {
    let mut text = String::new();
    let mut counter = None;
    for line in page.lines().filter(|line| *line != "# EOF") {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "TYPE", name, "counter"] => {
                counter = Some(name);
                text += &format!("# TYPE {name}_total counter\n");
            }
            ["#", "HELP", name, help] if page.contains(&format!("# TYPE {name} counter\n")) => {
                text += &format!("# HELP {name}_total {help}\n");
            }
            ["#", "TYPE", ..] => {
                counter = None;
                text += &format!("{line}\n");
            }
            _ => {
                assert!(
                    counter.is_none_or(
                        |name| line.starts_with(&format!("{name}_total")) || line.starts_with('#')
                    )
                );
                text += &format!("{line}\n");
            }
        }
    }
    text
}

#[test]
fn promtool_accepts_the_page() {
    let page = page();
    assert!(page.ends_with("\n# EOF\n"));
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match promtool {
        Ok(promtool) => promtool,
        Err(error) => {
            // Directly to standard error: the test harness shows output of failed tests only.
            let _ = writeln!(std::io::stderr(), "NOT CHECKED: promtool check metrics: promtool: {error}");
            return;
        }
    };
    promtool.stdin.take().unwrap().write_all(as_text(&page).as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let output_text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && output_text.is_empty(), "{output_text}");
}
