//! The reconcile as a list of steps: observe, validate, decide, build, apply, status. Client required.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use kube::ResourceExt;
use kube::runtime::controller::{Action as Requeue, Config};
use kube::runtime::{Controller, WatchStreamExt, watcher};
use tracing::Instrument;
use verbatim_crds::conditions::events as event_reasons;
use verbatim_crds::conditions::reasons;
use verbatim_crds::{TranscriptionJob, TranscriptionJobStatus};
use verbatim_text::error_chain;

use crate::context::{Context, JobState};
use crate::decide::{Action, Decision, Outcome, decide};
use crate::error::Error;
use crate::events::{self, FAILURES_INTERVAL, Note, StatusChange};
use crate::observe::observation::Observation;
use crate::observe::observe;
use crate::requeue;
use crate::status::{StatusInput, status};
use crate::traces::{self, ReconcileTrace};
use crate::validate::{ValidJob, validate};
use crate::watch::{EverySecond, Triggers, api};
use crate::{apply, build, identity};

/// Concurrent reconciles. A reconcile mostly waits for workers; unresponsive workers of one job must not
/// delay other jobs.
const CONCURRENCY: u16 = 256;

/// Runs the controller until `stop`.
pub async fn run(
    context: Arc<Context>,
    namespace: Option<String>,
    triggers: Triggers,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let jobs = api::<TranscriptionJob>(&context.client, namespace.as_deref());
    let (reader, writer) = kube::runtime::reflector::store();
    let jobs = watcher(jobs, watcher::Config::default().page_size(500))
        .backoff(EverySecond)
        .modify(|job| job.metadata.managed_fields = None)
        .reflect(writer)
        .inspect({
            let context = Arc::clone(&context);
            move |event| {
                if let Ok(watcher::Event::Delete(job)) = event {
                    traces::deleted(&context, job);
                    remove(&context, &job.uid().unwrap_or_default());
                }
            }
        })
        .applied_objects();
    Controller::for_stream(jobs, reader)
        .with_config(Config::default().concurrency(CONCURRENCY))
        .reconcile_on(triggers)
        .graceful_shutdown_on(stop)
        .run(reconcile, requeue::after_error, context)
        .for_each(|result| async move {
            if let Err(error) = result {
                // Errors of reconciles are logged with their job; the others are the watch's.
                tracing::debug!("{}", error_chain(&error));
            }
        })
        .await;
}

fn remove(context: &Context, uid: &str) {
    context.remove(uid);
    context.metrics.remove(uid);
}

/// Reconciles one job.
///
/// # Errors
/// [`Error`]; the reconcile is retried.
pub async fn reconcile(job: Arc<TranscriptionJob>, context: Arc<Context>) -> Result<Requeue, Error> {
    let uid = job.uid().ok_or(Error::Nameless("uid"))?;
    let namespace = job.namespace().ok_or(Error::Nameless("namespace"))?;
    if job.metadata.deletion_timestamp.is_some() {
        // Owner references delete its objects with it.
        remove(&context, &uid);
        return Ok(Requeue::await_change());
    }
    let number = identity::number();
    let span = tracing::info_span!("reconcile", job = %job.name_any(), %namespace, %uid, reconcile = format!("{number:08x}"));
    let state = context.job_state(&uid);
    let started = Instant::now();
    let mut trace = ReconcileTrace::start();
    let result = async {
        let mut state = state.lock().await;
        let job = state.writes.latest_job(Arc::clone(&job));
        let result = steps(&context, &job, &uid, &mut state, &mut trace).await;
        traces::reconciled(&context, &job, &trace, result.as_ref().err().filter(|_| state.errors == 0));
        match &result {
            Ok(_) => (state.errors, state.refused) = (0, None),
            Err(error) => failed(&context, &job, &mut state, error).await,
        }
        result
    }
    .instrument(span)
    .await;
    let all = started.elapsed();
    context.metrics.reconciled(all, all.saturating_sub(trace.waited));
    result
}

async fn failed(context: &Context, job: &TranscriptionJob, state: &mut JobState, error: &Error) {
    state.errors = state.errors.saturating_add(1);
    context.metrics.failed(error.step());
    let message = error_chain(error);
    tracing::warn!(step = error.step(), "{message}");
    if error.is_refusal() && state.refused.as_ref() != Some(&message) {
        // The status itself may be refused: without an event only the log would tell.
        let note = Note { warning: true, reason: event_reasons::REFUSED, message: message.clone() };
        if events::publish(context, job, vec![note]).await.is_ok() {
            state.refused = Some(message);
        }
    }
}

async fn steps(
    context: &Context,
    job: &TranscriptionJob,
    uid: &str,
    state: &mut JobState,
    trace: &mut ReconcileTrace,
) -> Result<Requeue, Error> {
    // Observe.
    let waiting = Instant::now();
    let seen = observe(context, job, uid, &state.writes).await?;
    trace.waited += waiting.elapsed();
    let failures = seen.samples.iter().filter(|(_, sample)| sample.is_err()).count() as u64;
    context.metrics.scraped(seen.samples.len() as u64 - failures, failures);

    // Validate.
    let valid = validate(job);

    // Decide.
    let now = context.now();
    let mut decision = match &valid {
        Err(_) if seen.rounds.is_empty() => Decision::default(),
        _ => decide(job, &seen, &mut state.decide, &context.settings.restart_limits(), now),
    };
    if let (Err(invalid), Action::Create { .. }) = (&valid, &decision.action) {
        decision.cancel(reasons::INVALID_SPEC, invalid.to_string());
    }

    // Build and apply.
    let waiting = Instant::now();
    let refused = act(context, job, valid.as_ref().ok(), state, &seen, &mut decision, now.monotonic).await?;

    // Status.
    let before = job.status.clone().unwrap_or_default();
    let samples = seen.samples.iter().filter_map(|(uid, sample)| Some((uid.as_str(), sample.as_ref().ok()?)));
    let after = status(&StatusInput {
        job,
        invalid: valid.err().filter(|_| seen.rounds.is_empty()).map(|invalid| invalid.to_string()),
        seen: &seen,
        decision: &decision,
        progress: state.decide.progress.as_ref(),
        recycles: state.recycles.update(samples, before.recycles),
        restarted: decision.restart.is_some(),
        now: now.wall,
    });
    if after != before
        && let Some(answer) = apply::status(context, job, &after).await?
    {
        state.writes.record_status(&answer);
        trace.status_written(&before, &after);
    }
    let workers = seen.round().map(|round| round.parallelism.saturating_sub(round.finished));
    let change = StatusChange { before: &before, after: &after, decision: &decision, workers };
    trace.notes = publish(context, job, state, &change, now.monotonic).await?;
    trace.waited += waiting.elapsed();
    let deadline = after.start_time.as_ref().zip(job.spec.active_deadline_seconds);
    let deadline = deadline.map(|(start, seconds)| start.0.as_second() as f64 + f64::from(seconds));
    let namespace = job.namespace().unwrap_or_default();
    context.metrics.job(uid, namespace, job.name_any(), deadline, after.clone());
    if let Some(error) = refused {
        // The status has reported it by now.
        state.refused = Some(error_chain(&error));
        return Err(error);
    }
    requeue::after_success(context, job, &after, &decision).await
}

/// Executes the decision. Actions that the API server refuses are removed from it, so that the status reports
/// what happened. Returns the refusal, which is retried with a growing delay.
async fn act(
    context: &Context,
    job: &TranscriptionJob,
    valid: Option<&ValidJob<'_>>,
    state: &mut JobState,
    seen: &Observation,
    decision: &mut Decision,
    now: Duration,
) -> Result<Option<Error>, Error> {
    match write(context, job, valid, state, seen, decision).await {
        Ok(()) => {}
        Err(error) if error.is_refusal() => {
            decision.cancel(reasons::REFUSED, error_chain(&error));
            return Ok(Some(error));
        }
        Err(error) => return Err(error),
    }
    if let Some(restart) = decision.restart.take() {
        match apply::evict(context, job, &restart).await {
            Ok(()) => {
                state.decide.restart.record(now);
                decision.restart = Some(restart);
            }
            // A disruption budget may forbid the eviction for now: everything else continues.
            Err(error) if error.is_answer() => {
                context.metrics.failed(error.step());
                let message = format!(
                    "worker {} cannot be replaced: {}; {}",
                    restart.pod,
                    restart.message,
                    error_chain(&error)
                );
                tracing::warn!(step = error.step(), pod = restart.pod, "{message}");
                if state.decide.restart.record_refusal(&restart, now) {
                    let note = Note { warning: true, reason: event_reasons::RESTART_REFUSED, message };
                    events::publish(context, job, vec![note]).await?;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

async fn write(
    context: &Context,
    job: &TranscriptionJob,
    valid: Option<&ValidJob<'_>>,
    state: &mut JobState,
    seen: &Observation,
    decision: &Decision,
) -> Result<(), Error> {
    let ended = matches!(decision.outcome, Outcome::Ended(_));
    let creates = matches!(decision.action, Action::Create { .. });
    if creates || (!ended && !seen.rounds.is_empty()) {
        // Before the Job, whose pods mount it; and again when its content has changed.
        let config = build::config::build(job, &context.settings);
        let digest = build::config::digest(&config);
        if state.config.as_ref() != Some(&digest) || creates {
            apply::config(context, job, &config).await?;
            state.config = Some(digest);
        }
    }
    match (&decision.action, valid) {
        (Action::Create { round, workers }, Some(valid)) => {
            let built = build::worker_job::build(valid, &context.settings, *round, *workers);
            apply::create(context, job, &built).await
        }
        (Action::Set { name, completions, suspend }, _) => {
            let queued = seen.round().is_some_and(|round| round.queued);
            // A queue decides when its Job runs, unless the job is suspended.
            let suspend = (*suspend || !queued).then_some(*suspend);
            let answer = apply::set(context, job, name, *completions, suspend).await?;
            state.writes.record_numbers(&answer);
            Ok(())
        }
        // Nothing is created for an invalid job.
        (Action::Nothing, _) | (Action::Create { .. }, None) => Ok(()),
    }
}

/// Publishes the events of a change; those about failed files at most once in [`FAILURES_INTERVAL`].
async fn publish(
    context: &Context,
    job: &TranscriptionJob,
    state: &mut JobState,
    change: &StatusChange<'_>,
    now: Duration,
) -> Result<Vec<Note>, Error> {
    let failed = |status: &TranscriptionJobStatus| status.files.map_or(0, |files| files.failed);
    let (known, failed) = (failed(change.before), failed(change.after));
    let (at, reported) = state.reported_failures.unwrap_or((Duration::ZERO, known));
    let ended = matches!(change.decision.outcome, Outcome::Ended(_));
    let due = state.reported_failures.is_none() || now.saturating_sub(at) >= FAILURES_INTERVAL || ended;
    if due && failed > reported {
        state.reported_failures = Some((now, failed));
    } else if state.reported_failures.is_none() {
        // Failures before this replica's first reconcile were reported by another one.
        state.reported_failures = (known > 0).then_some((Duration::ZERO, known));
    }
    let notes = events::notes(change, due.then_some(reported));
    events::publish(context, job, notes.clone()).await?;
    Ok(notes)
}
