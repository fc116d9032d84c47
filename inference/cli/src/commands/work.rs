//! A plan is carried out and told: what `verbatim transcribe` and `verbatim run` have in common.

use std::time::{Duration, Instant};

use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::say::Say;
use crate::commands::signals::Signals;
use crate::commands::tally::Tally;
use crate::commands::{CommandError, Loader, exit, summary};
use crate::local::done::{Origin, Overwrite};
use crate::local::plan::Plan;
use crate::local::session::Run;
use crate::output::format::Format;
use verbatim_protocol::options::EngineOptions;
use verbatim_supervisor::policy::Policy;
use verbatim_supervisor::start::StartError;

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
    /// The rules for engines.
    pub policy: Policy,
    /// Where metrics and status are served, if they are.
    pub http: Option<String>,
}

/// Carries an order out. Gives the exit code.
///
/// # Errors
/// [`CommandError`] when there is no engine; nothing was written then.
pub fn carry_out(order: &Order, say: &Say, load: Loader) -> Result<u8, CommandError> {
    let plan = &order.plan;
    if plan.items.is_empty() {
        let left_out = summary::left_out(&plan.left_out);
        let rest = left_out.map(|words| format!("; left out: {words}")).unwrap_or_default();
        say.note(&format!("Nothing to do: no recordings were found{rest}"));
        return Ok(exit::DONE);
    }
    let before = Instant::now();
    let signals = Signals::catch().map_err(|error| CommandError::configuration(&error))?;
    let observed = Observed::new(say, order.http.as_deref())?;
    let policy = order.policy.clone();
    let drains = !policy.grace_period.is_zero();
    let mut engine = load(&order.engine, policy, observed.observer(None), signals.stop())
        .map_err(|error| no_engine(&error, &signals))?;
    let loading = before.elapsed();
    let report = Report::begin(say, &plan.items, &engine.describe(), &observed);
    let run = Run {
        items: &plan.items,
        formats: &order.formats,
        overwrite: order.overwrite,
        origin: Origin { model: engine.model().digest, config: order.engine.config_digest() },
        watcher: &report,
        stdout: &|bytes| say.print(bytes),
    };
    run.run(engine.as_mut(), signals.stop());
    let code =
        signals.exit_code().map(|code| if drains && code == exit::TERMINATED { exit::DRAINED } else { code });
    Ok(finish(report, plan, loading, &observed, code))
}

/// What a command does where there is no engine.
pub fn no_engine(error: &StartError, signals: &Signals) -> CommandError {
    match error {
        StartError::Unready { .. } => CommandError::configuration(error),
        StartError::Interrupted => CommandError::Interrupted(signals.exit_code().unwrap_or(exit::SIGNALLED)),
        StartError::Spawn(_) | StartError::Crashing { .. } => CommandError::Failed(error.to_string()),
    }
}

fn finish(report: Report<'_>, plan: &Plan, loading: Duration, observed: &Observed, signal: Option<u8>) -> u8 {
    let figures = observed.engines.figures();
    let facts = summary::Facts {
        elapsed: report.elapsed(),
        loading,
        peak_memory: figures.peak,
        replaced: crate::commands::engines::replaced(&figures),
        left_out: plan.left_out,
        interrupted: signal.is_some(),
        shared: false,
    };
    exit_code(&report.end(&facts), signal)
}

/// A signal that came when everything was done has interrupted nothing.
fn exit_code(tally: &Tally, signal: Option<u8>) -> u8 {
    match signal {
        Some(code) if tally.undone() > 0 => code,
        _ if tally.failures() + tally.undone() > 0 => exit::SOME_FAILED,
        _ => exit::DONE,
    }
}
