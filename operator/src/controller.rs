//! The reconcile, as a list of steps: observe, validate, decide, build, apply, status.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use kube::ResourceExt;
use kube::runtime::controller::{Action as Next, Config};
use kube::runtime::{Controller, WatchStreamExt, watcher};
use tracing::Instrument;
use verbatim_crds::conditions::events as reasons;
use verbatim_crds::{TranscriptionJob, TranscriptionJobStatus, validate};

use crate::context::{Context, Memory};
use crate::decide::{Action, Decision, Finish, decide};
use crate::error::{Error, chain};
use crate::events::{self, TELL_FAILURES, Turn};
use crate::observe::{Observation, observe};
use crate::pauses::{again, next};
use crate::status::{View, status};
use crate::traces::{self, Course};
use crate::watch::{Steady, Triggers, api};
use crate::{apply, build, identity};

/// Reconciles at a time. Most of a reconcile is waiting for workers; those of one job that is silent must not hold up others.
const AT_ONCE: u16 = 256;

/// Runs until `stop`.
pub async fn run(
    context: Arc<Context>,
    namespace: Option<String>,
    triggers: Triggers,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let jobs = api::<TranscriptionJob>(&context.client, namespace.as_deref());
    let (reader, writer) = kube::runtime::reflector::store();
    let jobs = watcher(jobs, watcher::Config::default().page_size(500))
        .backoff(Steady)
        .modify(|job| job.metadata.managed_fields = None)
        .reflect(writer)
        .inspect({
            let context = Arc::clone(&context);
            move |event| {
                if let Ok(watcher::Event::Delete(job)) = event {
                    traces::deleted(&context, job);
                    forget(&context, &job.uid().unwrap_or_default());
                }
            }
        })
        .applied_objects();
    Controller::for_stream(jobs, reader)
        .with_config(Config::default().concurrency(AT_ONCE))
        .reconcile_on(triggers)
        .graceful_shutdown_on(stop)
        .run(reconcile, again, context)
        .for_each(|result| async move {
            if let Err(error) = result {
                // The reconcile's own errors were told with their job; what is left is the watch's.
                tracing::debug!("{}", chain(&error));
            }
        })
        .await;
}

fn forget(context: &Context, uid: &str) {
    context.forget(uid);
    context.metrics.forget(uid);
}

/// Looks at one job, and does what is to be done.
///
/// # Errors
/// [`Error`], which is tried again.
pub async fn reconcile(job: Arc<TranscriptionJob>, context: Arc<Context>) -> Result<Next, Error> {
    let uid = job.uid().ok_or(Error::Nameless("uid"))?;
    let namespace = job.namespace().ok_or(Error::Nameless("namespace"))?;
    if job.metadata.deletion_timestamp.is_some() {
        // Everything that was made goes with it, by its owner references.
        forget(&context, &uid);
        return Ok(Next::await_change());
    }
    let number = identity::number();
    let span = tracing::info_span!("reconcile", job = %job.name_any(), %namespace, %uid, reconcile = format!("{number:08x}"));
    let memory = context.memory(&uid);
    let begun = Instant::now();
    let mut course = Course::begin();
    let result = async {
        let mut memory = memory.lock().await;
        let job = memory.written.over(Arc::clone(&job));
        let result = steps(&context, &job, &uid, &mut memory, &mut course).await;
        traces::reconciled(&context, &job, &course, result.as_ref().err().filter(|_| memory.errors == 0));
        match &result {
            Ok(_) => (memory.errors, memory.refused) = (0, None),
            Err(error) => {
                memory.errors = memory.errors.saturating_add(1);
                context.metrics.failed(error.step());
                let words = chain(error);
                tracing::warn!(step = error.step(), "{words}");
                if error.is_refusal() && memory.refused.as_ref() != Some(&words) {
                    // The status itself cannot be written: without an event nobody but the log would know.
                    let note = events::Note { warning: true, reason: reasons::REFUSED, words: words.clone() };
                    if events::publish(&context, &job, vec![note]).await.is_ok() {
                        memory.refused = Some(words);
                    }
                }
            }
        }
        result
    }
    .instrument(span)
    .await;
    let all = begun.elapsed();
    context.metrics.reconciled(all, all.saturating_sub(course.waited));
    result
}

async fn steps(
    context: &Context,
    job: &TranscriptionJob,
    uid: &str,
    memory: &mut Memory,
    course: &mut Course,
) -> Result<Next, Error> {
    // Observe.
    let asked = Instant::now();
    let seen = observe(context, job, uid, &memory.written).await?;
    course.waited += asked.elapsed();
    let failures = seen.samples.iter().filter(|(_, sample)| sample.is_err()).count() as u64;
    context.metrics.scraped(seen.samples.len() as u64 - failures, failures);

    // Validate.
    let invalid = invalid(context, job);

    // Decide.
    let now = context.now();
    let mut decision = match &invalid {
        Some(_) if seen.rounds.is_empty() => Decision::default(),
        _ => decide(job, &seen, &mut memory.decide, now),
    };

    // Build and apply.
    let asked = Instant::now();
    let refused = act(context, job, memory, &seen, &mut decision, now.steady).await?;

    // Status.
    let before = job.status.clone().unwrap_or_default();
    let answered =
        seen.samples.iter().filter_map(|(uid, sample)| Some((uid.as_str(), sample.as_ref().ok()?)));
    let view = View {
        job,
        invalid: invalid.filter(|_| seen.rounds.is_empty()),
        seen: &seen,
        decision: &decision,
        progress: memory.decide.progress.as_ref(),
        recycles: memory.recycles.look(answered, before.recycles),
        restarted: decision.restart.is_some(),
        now: now.wall,
    };
    let after = status(&view);
    if after != before
        && let Some(answer) = apply::status(context, job, &after).await?
    {
        memory.written.status(&answer);
        course.turned(&before, &after);
    }
    let workers = seen.round().map(|round| round.parallelism.saturating_sub(round.over));
    let turn = Turn { before: &before, after: &after, decision: &decision, workers };
    course.told = tell(context, job, memory, &turn, now.steady).await?;
    course.waited += asked.elapsed();
    let deadline = after.start_time.as_ref().zip(job.spec.active_deadline_seconds);
    let deadline = deadline.map(|(start, seconds)| start.0.as_second() as f64 + f64::from(seconds));
    let namespace = job.namespace().unwrap_or_default();
    context.metrics.job(uid, namespace, job.name_any(), deadline, after.clone());
    if let Some(error) = refused {
        // The status has said it by now.
        memory.refused = Some(chain(&error));
        return Err(error);
    }
    next(context, job, &after, &decision).await
}

/// Why a job cannot be done as it is written, if it cannot. The API server has refused most of it.
fn invalid(context: &Context, job: &TranscriptionJob) -> Option<String> {
    let wrong: Vec<String> = validate::in_cluster(job)
        .iter()
        .map(|violation| format!("{}: {violation}", violation.path()))
        .collect();
    if !wrong.is_empty() {
        return Some(wrong.join("; "));
    }
    build::pod::template(job, &context.settings, 0).err().map(|error| error.to_string())
}

/// Does what was decided. What the API server refuses is no longer decided: the status is to say what is so. Gives the
/// refusal, to be tried again later and later.
async fn act(
    context: &Context,
    job: &TranscriptionJob,
    memory: &mut Memory,
    seen: &Observation,
    decision: &mut Decision,
    now: Duration,
) -> Result<Option<Error>, Error> {
    match make(context, job, memory, seen, decision).await {
        Ok(()) => {}
        Err(error) if error.is_refusal() => {
            decision.refused(chain(&error));
            return Ok(Some(error));
        }
        Err(error) => return Err(error),
    }
    if let Some(restart) = decision.restart.take() {
        match apply::evict(context, job, &restart).await {
            Ok(()) => {
                memory.decide.restart.done(now);
                decision.restart = Some(restart);
            }
            // A disruption budget may forbid it for now: everything else goes on.
            Err(error) if error.is_answer() => {
                context.metrics.failed(error.step());
                let words = format!("worker {} must stay: {}; {}", restart.pod, restart.words, chain(&error));
                tracing::warn!(step = error.step(), pod = restart.pod, "{words}");
                if memory.decide.restart.refused(&restart, now) {
                    let note = events::Note { warning: true, reason: reasons::RESTART_REFUSED, words };
                    events::publish(context, job, vec![note]).await?;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

async fn make(
    context: &Context,
    job: &TranscriptionJob,
    memory: &mut Memory,
    seen: &Observation,
    decision: &Decision,
) -> Result<(), Error> {
    let over = matches!(decision.finish, Finish::Over(_));
    let creates = matches!(decision.action, Action::Create { .. });
    if creates || (!over && !seen.rounds.is_empty()) {
        // Before the Job, whose pods mount it; and again when what workers may learn has changed.
        let config = build::config::config(job, &context.settings)?;
        let digest = build::config::digest(&config);
        if memory.config.as_ref() != Some(&digest) || creates {
            apply::config(context, job, &config).await?;
            memory.config = Some(digest);
        }
    }
    match &decision.action {
        Action::Nothing => Ok(()),
        Action::Create { round, workers } => {
            let built = build::workers::job(job, &context.settings, *round, *workers)?;
            apply::create(context, job, &built).await
        }
        Action::Set { name, completions, suspend } => {
            let queued = seen.round().is_some_and(|round| round.queued);
            // A queue's own word, unless the job is to wait.
            let suspend = (*suspend || !queued).then_some(*suspend);
            let answer = apply::set(context, job, name, *completions, suspend).await?;
            memory.written.numbers(&answer);
            Ok(())
        }
    }
}

/// Tells what happened; of failed files now and then.
async fn tell(
    context: &Context,
    job: &TranscriptionJob,
    memory: &mut Memory,
    turn: &Turn<'_>,
    now: Duration,
) -> Result<Vec<events::Note>, Error> {
    let failed = |status: &TranscriptionJobStatus| status.files.map_or(0, |files| files.failed);
    let (known, failed) = (failed(turn.before), failed(turn.after));
    let (at, told) = memory.told.unwrap_or((Duration::ZERO, known));
    let over = matches!(turn.decision.finish, Finish::Over(_));
    let due = memory.told.is_none() || now.saturating_sub(at) >= TELL_FAILURES || over;
    if due && failed > told {
        memory.told = Some((now, failed));
    } else if memory.told.is_none() {
        // From here on: what failed before this replica's first look was told by another.
        memory.told = (known > 0).then_some((Duration::ZERO, known));
    }
    let notes = events::notes(turn, due.then_some(told));
    events::publish(context, job, notes.clone()).await?;
    Ok(notes)
}
