//! `verbatim plan`: shows what a job would do, and changes nothing.

use std::fmt::Write as _;
use std::sync::Arc;

use verbatim_crds::destination::Overwrite;
use verbatim_ledger::plan::{self, PlanInput};
use verbatim_ledger::worker::WorkerError;
use verbatim_text::{bytes, files};

use crate::args::PlanArgs;
use crate::console::Console;
use crate::error::CommandError;
use crate::escaped_path::EscapedPath;
use crate::exit;
use crate::manifest::open_job;
use crate::progress::left_out::left_out;
use crate::run_ledger::store_runtime;
use crate::worker::open_job::OpenJobError;

/// Shows what a job would do. Returns the exit code.
///
/// # Errors
/// [`CommandError`].
pub fn plan(args: &PlanArgs, console: &Console) -> Result<u8, CommandError> {
    store_runtime()?.block_on(async {
        let job = open_job(&args.job.file).await?;
        let input = PlanInput {
            spec: &job.spec,
            source: job.stores.source.clone(),
            destination: job.stores.destination.clone(),
            lists: Arc::clone(&job.stores.lists),
        };
        let draft = plan::draft(&input, &|_| {}).await.map_err(open_job_error)?;
        let overwrite = job.spec.destination.overwrite;
        let mut existing = 0;
        for file in draft.iter() {
            let file = file.map_err(open_job_error)?;
            existing += u64::from(!file.existing.is_empty());
            if args.list {
                let action = match (&file.etag, file.existing.is_empty(), overwrite) {
                    (None, ..) => "missing: it will fail",
                    (_, true, _) => "transcribe",
                    (_, false, Overwrite::Always) => "transcribe again",
                    (_, false, Overwrite::Never) => "skip: its transcript exists",
                    (_, false, Overwrite::IfStale) => "skip if its transcript is fresh",
                };
                console.print(&format!("{}\t{}\t{action}\n", EscapedPath(file.key.as_ref()), file.size));
            }
        }
        let mut text = format!(
            "{} of {}: {} to {}\n",
            files(draft.files()),
            bytes(draft.bytes()),
            job.stores.source.address(),
            job.stores.destination.address()
        );
        if existing > 0 {
            let action = match overwrite {
                Overwrite::Always => "they are written again",
                Overwrite::Never => "they are skipped",
                Overwrite::IfStale => "fresh ones are skipped",
            };
            let _ = writeln!(text, "{existing} have transcripts already: {action} (destination.overwrite)");
        }
        if let Some(left_out) = left_out(&draft.left_out()) {
            let _ = writeln!(text, "Left out: {left_out}");
        }
        console.print(&text);
        Ok(exit::DONE)
    })
}

fn open_job_error(error: plan::PlanError) -> OpenJobError {
    WorkerError::from(error).into()
}
