//! When to look again.

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;
use kube::runtime::controller::Action as Next;
use verbatim_crds::conditions::Phase;
use verbatim_crds::{TranscriptionJob, TranscriptionJobStatus};

use crate::apply;
use crate::context::Context;
use crate::decide::{Decision, Finish};
use crate::error::Error;

/// The first pause after an error, which doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause after an error.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// When to look again at a job. What is quiet is left alone until it changes.
///
/// # Errors
/// The API server's, where the job's time is over.
pub(crate) async fn next(
    context: &Context,
    job: &TranscriptionJob,
    after: &TranscriptionJobStatus,
    decision: &Decision,
) -> Result<Next, Error> {
    let now = context.now().wall;
    if let Finish::Over(over) = &decision.finish {
        let ended = after.completion_time.as_ref().map_or(now, |time| time.0);
        let since = Duration::try_from(now.duration_since(ended)).unwrap_or_default();
        if let Some(ttl) = job.spec.ttl_seconds_after_finished {
            let ttl = Duration::from_secs(ttl.into());
            if since >= ttl {
                apply::delete(context, job).await?;
                return Ok(Next::await_change());
            }
            return Ok(Next::requeue((ttl - since).min(Duration::from_secs(3600))));
        }
        let leaves = matches!(over, crate::decide::Over::Complete { idle: false, .. });
        return Ok(if leaves { Next::requeue(crate::decide::finish::LEAVE) } else { Next::await_change() });
    }
    if let Finish::Retry { at, .. } = &decision.finish
        && *at > now
    {
        let wait = Duration::try_from(at.duration_since(now)).unwrap_or_default();
        return Ok(Next::requeue(wait + Duration::from_millis(100)));
    }
    Ok(match after.phase {
        Some(Phase::Suspended) => Next::await_change(),
        _ => Next::requeue(context.settings.look_every()),
    })
}

/// When to try again after an error: later and later, for each job by itself.
pub(crate) fn again(job: Arc<TranscriptionJob>, error: &Error, context: Arc<Context>) -> Next {
    if matches!(error, Error::NotLeader) {
        return Next::await_change();
    }
    let errors = job.uid().map_or(1, |uid| {
        let memory = context.memory(&uid);
        memory.try_lock().map_or(1, |memory| memory.errors)
    });
    let pause = FIRST_PAUSE.saturating_mul(1 << errors.saturating_sub(1).min(16));
    Next::requeue(pause.min(LONGEST_PAUSE))
}
