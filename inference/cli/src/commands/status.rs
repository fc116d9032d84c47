//! `verbatim status`: shows the progress of a job, and changes nothing.

use std::time::{Duration, Instant};

use verbatim_crds::contract::messages::LedgerPhase as Phase;
use verbatim_ledger::status::{JobStatus, StatusReader};

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
        let mut reader = StatusReader::new(job.ledger.clone());
        let mut first: Option<(Instant, Duration)> = None;
        loop {
            let status = reader.read().await.map_err(OpenJobError::from)?;
            let now = Instant::now();
            // The store's clock gives the time until the first update, our clock the time since then; the two
            // are never compared.
            let elapsed = status.elapsed.map(|elapsed| {
                let (since, before) = *first.get_or_insert((now, elapsed));
                before + now.duration_since(since)
            });
            let left = elapsed.and_then(|elapsed| status.time_left(elapsed));
            if args.json {
                let mut json = status.json();
                json["secondsLeft"] = left.map(|left| left.as_secs_f64()).into();
                console.print(&format!("{json}\n"));
            } else {
                console.print(&format!("{}\n", status_line(&status, elapsed, left)));
            }
            if !args.watch || status.progress.phase == Phase::Complete {
                if !args.json {
                    for line in &status.failures {
                        console.print(&recorded_failure_line(line));
                    }
                }
                return Ok(if status.progress.failed > 0 { exit::SOME_FAILED } else { exit::DONE });
            }
            tokio::time::sleep(UPDATE_INTERVAL).await;
        }
    })
}

/// Progress of a job, on one line.
fn status_line(status: &JobStatus, elapsed: Option<Duration>, left: Option<Duration>) -> String {
    match status.progress.phase {
        Phase::Unplanned => return "Not started: no plan exists yet".to_owned(),
        Phase::Complete => {
            return format!(
                "Complete: {} transcribed, {} skipped, {} failed",
                status.progress.succeeded, status.progress.skipped, status.progress.failed
            );
        }
        Phase::Running => {}
    }
    let progress = &status.progress;
    let ended = progress.succeeded + progress.failed + progress.skipped;
    let mut parts = vec![format!("{ended} of {} files", progress.files)];
    if progress.failed > 0 {
        parts.push(format!("{} failed", progress.failed));
    }
    parts.push(format!("{} of {}", bytes(progress.bytes_done), bytes(progress.bytes)));
    let audio = progress.audio_milliseconds as f64 / 1000.0;
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
