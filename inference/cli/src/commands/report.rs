//! `verbatim report`: shows the outcome of each recording of a finished job.

use std::fmt::Write as _;

use futures::TryStreamExt;
use verbatim_ledger::outcome::Outcome;
use verbatim_ledger::report::Report;
use verbatim_ledger::shard_record::ReportLine;
use verbatim_store::Read;

use crate::args::ReportArgs;
use crate::console::Console;
use crate::error::CommandError;
use crate::exit;
use crate::manifest::open_job;
use crate::progress::job_totals::{job_totals, recorded_failure_line};
use crate::progress::left_out::left_out;
use crate::run_ledger::store_runtime;
use crate::worker::open_job::OpenJob;

/// Shows the outcome of each recording of a job. Returns the exit code.
///
/// # Errors
/// [`CommandError`].
pub fn report(args: &ReportArgs, console: &Console) -> Result<u8, CommandError> {
    store_runtime()?.block_on(async {
        let job = open_job(&args.job.file).await?;
        let Some(report) = job.report().await? else {
            return Err(CommandError::Failed(format!(
                "no report exists yet at {}: `verbatim status` shows the progress of the job",
                job.ledger.address(&job.ledger.report_key())
            )));
        };
        if args.csv {
            print_csv(&job, console).await?;
        } else {
            console.print(&table(&report));
        }
        Ok(if report.files.failed > 0 { exit::SOME_FAILED } else { exit::DONE })
    })
}

fn table(report: &Report) -> String {
    let mut text = format!("{}\n", job_totals(report));
    for (reason, count) in &report.failures_by_reason {
        let _ = writeln!(text, "  {:<20} {count:>8}", reason.as_str());
    }
    for line in &report.failures {
        text.push_str(&recorded_failure_line(line));
    }
    if let Some(left_out) = left_out(&report.left_out) {
        let _ = writeln!(text, "Left out: {left_out}");
    }
    text
}

/// Prints every line of the report as CSV while it downloads: a report can be larger than memory.
async fn print_csv(job: &OpenJob, console: &Console) -> Result<(), CommandError> {
    let failed = CommandError::failed;
    let key = job.ledger.report_lines_key();
    let download = job.ledger.store().get(&key, Read::default()).await.map_err(|error| failed(&error))?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = [
        "key",
        "id",
        "result",
        "reason",
        "message",
        "attempts",
        "bytes",
        "audio_seconds",
        "processing_seconds",
        "real_time_factor",
        "worker",
        "transcript",
    ];
    writer.write_record(header).map_err(|error| failed(&error))?;
    let mut body = download.body;
    let mut rest: Vec<u8> = Vec::new();
    while let Some(part) = body.try_next().await.map_err(|error| failed(&error))? {
        rest.extend_from_slice(&part);
        let end = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for line in rest.drain(..end).as_slice().split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
        {
            let line: ReportLine = serde_json::from_slice(line).map_err(|error| failed(&error))?;
            writer.write_record(row(&line)).map_err(|error| failed(&error))?;
        }
        let written = writer.into_inner().map_err(|error| failed(&error))?;
        let _ = console.write_stdout(&written);
        writer = csv::Writer::from_writer(Vec::new());
    }
    Ok(())
}

fn row(line: &ReportLine) -> [String; 12] {
    let outcome: &Outcome = &line.outcome;
    let seconds = |milliseconds: u64| format!("{:.3}", milliseconds as f64 / 1000.0);
    [
        line.key.clone(),
        line.id.clone().unwrap_or_default(),
        outcome.result.as_str().to_owned(),
        outcome.reason.map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
        outcome.message.clone().unwrap_or_default(),
        outcome.attempts.to_string(),
        line.bytes.to_string(),
        seconds(outcome.audio_milliseconds),
        seconds(outcome.processing_milliseconds),
        line.real_time_factor().map(|factor| format!("{factor:.5}")).unwrap_or_default(),
        outcome.worker.clone(),
        line.transcript.clone().unwrap_or_default(),
    ]
}
