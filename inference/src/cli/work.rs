//! A plan is carried out and told: what `verbatim transcribe` and `verbatim run` have in common.

use std::time::{Duration, Instant};

use crate::{
    cli::{
        CommandError, Loader, exit, memory, report::Report, say::Say, signals::Signals, summary, tally::Tally,
    },
    engine::options::EngineOptions,
    local::{
        done::{Origin, Overwrite},
        plan::Plan,
        session::Run,
    },
    output::format::Format,
};

/// What is to be carried out.
pub struct Order {
    /// The recordings.
    pub plan: Plan,
    /// The files of each transcript.
    pub formats: Vec<Format>,
    /// What to do where a transcript is there already.
    pub overwrite: Overwrite,
    /// The engine to make.
    pub engine: EngineOptions,
}

/// Carries an order out. Gives the exit code.
///
/// # Errors
/// [`CommandError::Configuration`] when there is no engine; nothing was written then.
pub fn carry_out(order: &Order, say: &Say, load: Loader) -> Result<u8, CommandError> {
    let plan = &order.plan;
    if plan.items.is_empty() {
        let left_out = summary::left_out(&plan.left_out);
        let rest = left_out.map(|words| format!("; left out: {words}")).unwrap_or_default();
        say.note(&format!("Nothing to do: no recordings were found{rest}"));
        return Ok(exit::DONE);
    }
    let before = Instant::now();
    let mut engine = load(&order.engine).map_err(|error| CommandError::configuration(&error))?;
    let loading = before.elapsed();
    let signals = Signals::catch().map_err(|error| CommandError::configuration(&error))?;
    let report = Report::begin(say, &plan.items, &engine.describe());
    let run = Run {
        items: &plan.items,
        formats: &order.formats,
        overwrite: order.overwrite,
        origin: Origin { model: engine.model().digest, config: order.engine.config_digest() },
        watcher: &report,
        stdout: &|bytes| say.print(bytes),
    };
    run.run(engine.as_mut(), signals.stop());
    Ok(finish(report, plan, loading, &signals))
}

fn finish(report: Report<'_>, plan: &Plan, loading: Duration, signals: &Signals) -> u8 {
    let facts = summary::Facts {
        elapsed: report.elapsed(),
        loading,
        peak_memory: memory::peak(),
        left_out: plan.left_out,
        interrupted: signals.exit_code().is_some(),
    };
    exit_code(&report.end(&facts), signals.exit_code())
}

/// A signal that came when everything was done has interrupted nothing.
fn exit_code(tally: &Tally, signal: Option<u8>) -> u8 {
    match signal {
        Some(code) if tally.undone() > 0 => code,
        _ if tally.failures() + tally.undone() > 0 => exit::SOME_FAILED,
        _ => exit::DONE,
    }
}
