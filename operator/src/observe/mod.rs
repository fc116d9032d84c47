//! What is so: the job's Jobs and pods, as the watches have them, and what its workers say of themselves.

pub mod exposition;
pub mod pods;
pub mod rounds;
pub mod scrape;

use verbatim_crds::TranscriptionJob;
use verbatim_crds::contract::messages::{Farewell, JobProgress};

pub use pods::{Worker, WorkerState};
pub use rounds::{Podless, Round};
pub use scrape::Sample;

use crate::context::Context;
use crate::error::Error;
use crate::written::Written;

/// What was seen of a job.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// Its Jobs, the newest last.
    pub rounds: Vec<Round>,
    /// Its pods.
    pub workers: Vec<Worker>,
    /// What those said that answered, by the pod's uid.
    pub samples: Vec<(String, Result<Sample, String>)>,
    /// How far the whole job is, where a worker told it just now.
    pub progress: Option<JobProgress>,
    /// Why the newest Job has no pods.
    pub podless: Podless,
}

impl Observation {
    /// The newest Job.
    pub fn round(&self) -> Option<&Round> {
        self.rounds.last()
    }

    /// What the pods of a round said as they ended.
    pub fn farewells(&self, round: i32) -> impl Iterator<Item = &Farewell> {
        self.workers.iter().filter(move |worker| worker.round == round).filter_map(Worker::farewell)
    }

    /// Pods that are ready.
    pub fn ready(&self) -> usize {
        self.workers.iter().filter(|worker| worker.is_ready()).count()
    }
}

/// Looks at a job: at the stores, at its workers, and at the API server only where a store cannot know.
///
/// # Errors
/// [`Error::Observe`].
pub async fn observe(
    context: &Context,
    job: &TranscriptionJob,
    uid: &str,
    written: &Written,
) -> Result<Observation, Error> {
    // Before everything was listed once, a pod that is not there may only be unknown, and with it what it said.
    context.stores.ready().await;
    let mut rounds = rounds::read(&context.stores.jobs(uid));
    written.over_rounds(&mut rounds);
    let told = job.status.as_ref().and_then(|status| status.round);
    // A Job that the status tells of and the store does not have: deleted, or too new for the watch.
    if let Some(round) = told.filter(|round| rounds.last().is_none_or(|last| last.number < *round)) {
        rounds.extend(rounds::ask(context, job, round).await?);
    }
    let workers = pods::read(&context.stores.pods(uid));
    let (samples, progress) = scrape::all(&context.scraper, &workers).await;
    let mut observation = Observation { rounds, workers, samples, progress, podless: Podless::No };
    observation.podless = rounds::podless(context, job, &observation).await?;
    Ok(observation)
}
