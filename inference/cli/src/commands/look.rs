//! Commands that look at a job and change nothing: `verbatim plan`, `status`.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use verbatim_crds::contract::messages::LedgerPhase as Phase;
use verbatim_crds::destination::Overwrite;
use verbatim_crds::manifest;
use verbatim_ledger::plan::{self, LeftOut, PlanInput};
use verbatim_ledger::shard_record::ReportLine;
use verbatim_ledger::status::{JobStatus, StatusReader};
use verbatim_ledger::worker::settings::DEFAULT_LEASE;

use crate::commands::args;
use crate::commands::escape::Shown;
use crate::commands::job::{runtime, wrong};
use crate::commands::run::load_manifest;
use crate::commands::say::Say;
use crate::commands::{CommandError, exit};
use crate::worker::batch::Batch;
use crate::worker::counts::StoreCounts;
use verbatim_text::{bytes, clock, count, files, ratio};

/// Between two looks. A claim is renewed every ten seconds; a job of minutes is worth a closer look.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Opens a job's stores.
pub(super) async fn open(file: &Path) -> Result<Batch, CommandError> {
    let manifest = load_manifest(file)?;
    let base = manifest::base(file);
    let requests = Arc::new(StoreCounts::new(None));
    Batch::open(&manifest.job, base, requests, DEFAULT_LEASE).await.map_err(|error| wrong(&error))
}

/// Writes to standard output.
pub(super) fn print(say: &Say, text: &str) {
    // Nobody is left to tell when standard output is closed.
    let _ = say.print(text.as_bytes());
}

/// Shows what a job would do. Gives the exit code.
///
/// # Errors
/// [`CommandError`].
pub fn plan(options: &args::Plan, say: &Say) -> Result<u8, CommandError> {
    runtime()?.block_on(async {
        let batch = open(&options.look.file).await?;
        let input = PlanInput {
            spec: &batch.spec,
            source: batch.stores.source.clone(),
            destination: batch.stores.destination.clone(),
            lists: Arc::clone(&batch.stores.lists),
        };
        let draft = plan::draft(&input, &|_| {}).await.map_err(|error| wrong(&wrap(error)))?;
        let overwrite = batch.spec.destination.overwrite;
        let mut there = 0;
        for file in draft.iter() {
            let file = file.map_err(|error| wrong(&wrap(error)))?;
            there += u64::from(!file.existing.is_empty());
            if options.list {
                let what = match (&file.etag, file.existing.is_empty(), overwrite) {
                    (None, ..) => "missing: it will fail",
                    (_, true, _) => "transcribe",
                    (_, false, Overwrite::Always) => "transcribe again",
                    (_, false, Overwrite::Never) => "skip: its transcript is there",
                    (_, false, Overwrite::IfStale) => "skip if its transcript is fresh",
                };
                print(say, &format!("{}\t{}\t{what}\n", Shown(file.key.as_ref()), file.size));
            }
        }
        let mut text = format!(
            "{} of {}: {} to {}\n",
            files(usize::try_from(draft.files()).unwrap_or(usize::MAX)),
            bytes(draft.bytes()),
            batch.stores.source.address(),
            batch.stores.destination.address()
        );
        if there > 0 {
            let what = match overwrite {
                Overwrite::Always => "they are written again",
                Overwrite::Never => "they are skipped",
                Overwrite::IfStale => "those that are fresh are skipped",
            };
            let _ = writeln!(text, "{there} have transcripts already: {what} (destination.overwrite)");
        }
        if let Some(left_out) = left_out(&draft.left_out()) {
            let _ = writeln!(text, "Left out: {left_out}");
        }
        print(say, &text);
        Ok(exit::DONE)
    })
}

fn wrap(error: plan::PlanError) -> crate::worker::batch::BatchError {
    verbatim_ledger::worker::WorkerError::from(error).into()
}

/// What was left out while recordings were looked for, in words; none where nothing was.
pub(super) fn left_out(left_out: &LeftOut) -> Option<String> {
    let parts = [
        (left_out.not_audio, "not audio"),
        (left_out.hidden, "hidden"),
        (left_out.excluded, "excluded"),
        (left_out.folders, "folders"),
        (left_out.twice, "named twice"),
    ];
    let words: Vec<String> = parts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// Shows how far a job is. Gives the exit code.
///
/// # Errors
/// [`CommandError`].
pub fn status(options: &args::Status, say: &Say) -> Result<u8, CommandError> {
    runtime()?.block_on(async {
        let batch = open(&options.look.file).await?;
        let mut reader = StatusReader::new(batch.ledger.clone());
        let mut first: Option<(Instant, Duration)> = None;
        loop {
            let status = reader.read().await.map_err(|error| wrong(&error.into()))?;
            let now = Instant::now();
            // By the store's clock when this began, by ours from then on: the two are never compared.
            let elapsed = status.elapsed.map(|elapsed| {
                let (since, before) = *first.get_or_insert((now, elapsed));
                before + now.duration_since(since)
            });
            let left = elapsed.and_then(|elapsed| status.time_left(elapsed));
            if options.json {
                let mut json = status.json();
                json["secondsLeft"] = left.map(|left| left.as_secs_f64()).into();
                print(say, &format!("{json}\n"));
            } else {
                print(say, &format!("{}\n", words(&status, elapsed, left)));
            }
            if !options.watch || status.progress.phase == Phase::Complete {
                if !options.json {
                    for line in &status.failures {
                        print(say, &failure(line));
                    }
                }
                return Ok(if status.progress.failed > 0 { exit::SOME_FAILED } else { exit::DONE });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    })
}

/// How far a job is, on a line.
fn words(status: &JobStatus, elapsed: Option<Duration>, left: Option<Duration>) -> String {
    match status.progress.phase {
        Phase::Unplanned => return "Not begun: there is no plan yet".to_owned(),
        Phase::Complete => {
            return format!(
                "Complete: {} transcribed, {} skipped, {} failed",
                status.progress.succeeded, status.progress.skipped, status.progress.failed
            );
        }
        Phase::Running => {}
    }
    let mut words = vec![format!(
        "{} of {} files",
        status.progress.succeeded + status.progress.failed + status.progress.skipped,
        status.progress.files
    )];
    if status.progress.failed > 0 {
        words.push(format!("{} failed", status.progress.failed));
    }
    words.push(format!("{} of {}", bytes(status.progress.bytes_done), bytes(status.progress.bytes)));
    let audio = status.progress.audio_milliseconds as f64 / 1000.0;
    words.push(format!("{} of audio", clock(audio)));
    if let Some(elapsed) = elapsed.filter(|elapsed| !elapsed.is_zero() && audio > 0.0) {
        words.push(format!("{} times as fast as it plays", ratio(audio / elapsed.as_secs_f64())));
    }
    if let Some(left) = left {
        words.push(format!("about {} left", clock(left.as_secs_f64())));
    }
    words.push(count(status.workers, "worker", "workers"));
    words.join(", ")
}

/// A failed file, on a line.
pub(super) fn failure(line: &ReportLine) -> String {
    let reason = line.outcome.reason.map(|reason| reason.as_str()).unwrap_or_default();
    let message = line.outcome.message.as_deref().unwrap_or_default();
    format!("FAILED {}: {reason}: {message}\n", Shown(line.key.as_ref()))
}
