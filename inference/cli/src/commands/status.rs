//! `verbatim status`: shows the progress of a job, and changes nothing.

use std::time::{Duration, Instant};

use verbatim_crds::contract::messages::LedgerPhase as Phase;
use verbatim_ledger::status::{Observer, Status};

use crate::args::StatusArgs;
use crate::console::Console;
use crate::error::CommandError;
use crate::exit;
use crate::manifest::open_job;
use crate::progress::job_totals::recorded_failure_line;
use crate::run_ledger::store_runtime;
use crate::worker::open_job::OpenJobError;
use verbatim_text::{bytes, clock, count, ratio};

/// Interval between two updates. A claim is renewed every ten seconds; jobs of minutes deserve more frequent
/// updates.
const UPDATE_INTERVAL: Duration = Duration::from_secs(2);

/// Shows the progress of a job. Returns the exit code.
///
/// # Errors
/// [`CommandError`].
pub fn status(args: &StatusArgs, console: &Console) -> Result<u8, CommandError> {
    store_runtime()?.block_on(async {
        let job = open_job(&args.job.file).await?;
        let mut observer = Observer::new(job.ledger.clone());
        let mut first: Option<(Instant, Duration)> = None;
        loop {
            let status = observer.look().await.map_err(OpenJobError::from)?;
            let now = Instant::now();
            // The store's clock gives the time until the first update, our clock the time since then; the two
            // are never compared.
            let elapsed = status.elapsed.map(|elapsed| {
                let (since, before) = *first.get_or_insert((now, elapsed));
                before + now.duration_since(since)
            });
            let left = elapsed.and_then(|elapsed| status.left(elapsed));
            if args.json {
                let mut json = serde_json::to_value(&status).unwrap_or_default();
                json["secondsLeft"] = left.map(|left| left.as_secs_f64()).into();
                console.print(&format!("{json}\n"));
            } else {
                console.print(&format!("{}\n", status_line(&status, elapsed, left)));
            }
            if !args.watch || status.phase == Phase::Complete {
                if !args.json {
                    for line in &status.failures {
                        console.print(&recorded_failure_line(line));
                    }
                }
                return Ok(if status.failed > 0 { exit::SOME_FAILED } else { exit::DONE });
            }
            tokio::time::sleep(UPDATE_INTERVAL).await;
        }
    })
}

/// Progress of a job, on one line.
fn status_line(status: &Status, elapsed: Option<Duration>, left: Option<Duration>) -> String {
    match status.phase {
        Phase::Unplanned => return "Not started: no plan exists yet".to_owned(),
        Phase::Complete => {
            return format!(
                "Complete: {} transcribed, {} skipped, {} failed",
                status.succeeded, status.skipped, status.failed
            );
        }
        Phase::Running => {}
    }
    let mut parts = vec![format!("{} of {} files", status.ended(), status.files)];
    if status.failed > 0 {
        parts.push(format!("{} failed", status.failed));
    }
    parts.push(format!("{} of {}", bytes(status.bytes_done), bytes(status.bytes)));
    let audio = status.audio_milliseconds as f64 / 1000.0;
    parts.push(format!("{} of audio", clock(audio)));
    if let Some(elapsed) = elapsed.filter(|elapsed| !elapsed.is_zero() && audio > 0.0) {
        parts.push(format!("{}x real time", ratio(audio / elapsed.as_secs_f64())));
    }
    if let Some(left) = left {
        parts.push(format!("about {} left", clock(left.as_secs_f64())));
    }
    parts.push(count(status.workers, "worker", "workers"));
    parts.join(", ")
}
