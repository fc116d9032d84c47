//! Observes a job: its Jobs and pods from the watches, and its workers' metrics and progress. Client
//! required.

mod api;
pub mod exposition;
pub mod observation;
pub mod pods;
pub mod rounds;
pub mod scrape;

use verbatim_crds::TranscriptionJob;

use observation::{NoPods, Observation};

use crate::context::Context;
use crate::error::Error;
use crate::write_cache::WriteCache;

/// Observes a job from the stores and its workers; the API server is asked only for what a store cannot know.
///
/// # Errors
/// [`Error::Observe`].
pub async fn observe(
    context: &Context,
    job: &TranscriptionJob,
    uid: &str,
    writes: &WriteCache,
) -> Result<Observation, Error> {
    // Before the first complete list a missing pod may only be unknown, and with it its termination message.
    context.stores.ready().await;
    let mut rounds = rounds::read(&context.stores.jobs(uid));
    writes.update_rounds(&mut rounds);
    let known = job.status.as_ref().and_then(|status| status.round);
    // The status names a Job that the store does not have: it was deleted, or it is too new for the watch.
    if let Some(round) = known.filter(|round| rounds.last().is_none_or(|last| last.number < *round)) {
        rounds.extend(api::round(context, job, round).await?);
    }
    let workers = pods::read(&context.stores.pods(uid));
    let (samples, progress) = scrape::all(&context.scraper, &workers).await;
    let mut observation = Observation { rounds, workers, samples, progress, no_pods: NoPods::None };
    observation.no_pods = api::no_pods(context, job, &observation).await?;
    Ok(observation)
}
