//! Delay until the next reconcile.

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;
use kube::runtime::controller::Action as Requeue;
use verbatim_crds::conditions::Phase;
use verbatim_crds::{TranscriptionJob, TranscriptionJobStatus};

use crate::apply;
use crate::context::Context;
use crate::decide::finish::{LEAVE, Outcome};
use crate::decide::{Decision, Ended};
use crate::error::Error;

/// First delay after an error; it doubles with each further error.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// Longest delay after an error.
const LONGEST_DELAY: Duration = Duration::from_secs(120);

/// Delay after a successful reconcile. A job that needs nothing waits for a change. A job whose
/// `ttlSecondsAfterFinished` has passed is deleted.
///
/// # Errors
/// Errors of the deletion.
pub(crate) async fn after_success(
    context: &Context,
    job: &TranscriptionJob,
    after: &TranscriptionJobStatus,
    decision: &Decision,
) -> Result<Requeue, Error> {
    let now = context.now().wall;
    if let Outcome::Ended(end) = &decision.outcome {
        let ended = after.completion_time.as_ref().map_or(now, |time| time.0);
        let since = Duration::try_from(now.duration_since(ended)).unwrap_or_default();
        if let Some(ttl) = job.spec.ttl_seconds_after_finished {
            let ttl = Duration::from_secs(ttl.into());
            if since >= ttl {
                apply::delete(context, job).await?;
                return Ok(Requeue::await_change());
            }
            return Ok(Requeue::requeue((ttl - since).min(Duration::from_secs(3600))));
        }
        let leaving = matches!(end, Ended::Complete { grace_over: false, .. });
        return Ok(if leaving { Requeue::requeue(LEAVE) } else { Requeue::await_change() });
    }
    if let Outcome::Retry { at, .. } = &decision.outcome
        && *at > now
    {
        let wait = Duration::try_from(at.duration_since(now)).unwrap_or_default();
        return Ok(Requeue::requeue(wait + Duration::from_millis(100)));
    }
    Ok(match after.phase {
        Some(Phase::Suspended) => Requeue::await_change(),
        _ => Requeue::requeue(context.settings.look_every()),
    })
}

/// Delay after a failed reconcile: exponential, for each job on its own.
pub(crate) fn after_error(job: Arc<TranscriptionJob>, error: &Error, context: Arc<Context>) -> Requeue {
    if matches!(error, Error::NotLeader) {
        return Requeue::await_change();
    }
    let errors = job.uid().map_or(1, |uid| {
        let state = context.job_state(&uid);
        state.try_lock().map_or(1, |state| state.errors)
    });
    let delay = FIRST_DELAY.saturating_mul(1 << errors.saturating_sub(1).min(16));
    Requeue::requeue(delay.min(LONGEST_DELAY))
}
