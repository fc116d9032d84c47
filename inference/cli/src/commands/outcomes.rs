//! `verbatim report`: what became of a job's recordings.

use std::fmt::Write as _;

use futures::TryStreamExt;
use verbatim_ledger::outcome::Outcome;
use verbatim_ledger::report::Report;
use verbatim_ledger::shard_record::ReportLine;
use verbatim_store::Read;

use crate::commands::args;
use crate::commands::job::{runtime, wrong};
use crate::commands::look::{failure, left_out, open, print};
use crate::commands::say::Say;
use crate::commands::{CommandError, exit};
use crate::worker::batch::Batch;
use verbatim_text::{clock, files, ratio};

/// The sums of a job, in words.
pub fn sums(report: &Report) -> String {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let mut text = format!(
        "The job: {}, {} transcribed, {} skipped, {} failed",
        files(number(report.files.total)),
        report.files.succeeded,
        report.files.skipped,
        report.files.failed
    );
    if let Some(factor) = report.real_time_factor() {
        let _ = write!(
            text,
            "; {} of audio (real-time factor of a file: {})",
            clock(report.audio_milliseconds as f64 / 1000.0),
            ratio(factor)
        );
    }
    text
}

/// Shows what became of a job's recordings. Gives the exit code.
///
/// # Errors
/// [`CommandError`].
pub fn report(options: &args::Report, say: &Say) -> Result<u8, CommandError> {
    runtime()?.block_on(async {
        let batch = open(&options.look.file).await?;
        let Some(report) = batch.report().await.map_err(|error| wrong(&error))? else {
            return Err(CommandError::Failed(format!(
                "there is no report yet at {}: see how far the job is with `verbatim status`",
                batch.ledger.address(&batch.ledger.report_key())
            )));
        };
        if options.csv {
            csv(&batch, say).await?;
        } else {
            print(say, &table(&report));
        }
        Ok(if report.files.failed > 0 { exit::SOME_FAILED } else { exit::DONE })
    })
}

fn table(report: &Report) -> String {
    let mut text = format!("{}\n", sums(report));
    for (reason, number) in &report.failures_by_reason {
        let _ = writeln!(text, "  {:<20} {number:>8}", reason.as_str());
    }
    for line in &report.failures {
        text.push_str(&failure(line));
    }
    if let Some(left_out) = left_out(&report.left_out) {
        let _ = writeln!(text, "Left out: {left_out}");
    }
    text
}

/// Every line of the report as CSV, as it comes: a report may be larger than memory.
async fn csv(batch: &Batch, say: &Say) -> Result<(), CommandError> {
    let failed =
        |error: &(dyn std::error::Error + 'static)| CommandError::Failed(verbatim_text::error_chain(error));
    let key = batch.ledger.report_lines_key();
    let download = batch.ledger.store().get(&key, Read::default()).await.map_err(|error| failed(&error))?;
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
        let _ = say.print(&written);
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
