//! Observation of a job, as decisions and the status take it.

use verbatim_crds::contract::messages::{JobProgress, TerminationMessage};

use super::pods::Worker;
use super::rounds::Round;
use super::scrape::Sample;

/// Observation of a job.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// Jobs, the newest last.
    pub rounds: Vec<Round>,
    /// Pods.
    pub workers: Vec<Worker>,
    /// Result of scraping each running worker, by the pod's uid.
    pub samples: Vec<(String, Result<Sample, String>)>,
    /// Progress of the whole job, if a worker reported it.
    pub progress: Option<JobProgress>,
    /// Cause of missing pods.
    pub no_pods: NoPods,
}

/// Cause of the newest Job having no pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NoPods {
    /// There are pods, or there need not be any yet.
    #[default]
    None,
    /// The API server refuses them, with this message.
    Refused(String),
    /// The namespace is being deleted, so nothing can be created in it any more.
    NamespaceTerminating,
}

impl Observation {
    /// The newest Job.
    pub fn round(&self) -> Option<&Round> {
        self.rounds.last()
    }

    /// Termination messages of a round's pods.
    pub fn termination_messages(&self, round: i32) -> impl Iterator<Item = &TerminationMessage> {
        self.workers
            .iter()
            .filter(move |worker| worker.round == round)
            .filter_map(Worker::termination_message)
    }

    /// Number of ready pods.
    pub fn ready(&self) -> usize {
        self.workers.iter().filter(|worker| worker.is_ready()).count()
    }
}
