//! Input of the scaling decision.

use std::time::Duration;

use verbatim_crds::contract::messages::JobProgress;
use verbatim_crds::scaling::Scaling;

/// Input of the scaling decision.
#[derive(Clone, Debug)]
pub struct ScalingInput<'a> {
    /// Time on the operator's monotonic clock.
    pub now: Duration,
    /// Time since `status.startTime`, on the wall clock.
    pub elapsed: Duration,
    /// Currently desired workers; 0 before the first.
    pub desired: u32,
    /// Whether no pod is starting or stopping.
    pub settled: bool,
    /// Samples of the workers whose scrape succeeded.
    pub workers: &'a [WorkerSample],
    /// Progress of the whole job, from the ledger.
    pub job: Option<&'a JobProgress>,
    /// Pods that the scheduler cannot place.
    pub unschedulable: u32,
    /// The user's settings.
    pub scaling: &'a Scaling,
    /// `activeDeadlineSeconds`. It is a limit, not a target: alone it changes nothing, since without a target
    /// `maxWorkers` run; a later target is cut to it.
    pub deadline: Option<Duration>,
}

/// Sample of one worker.
#[derive(Clone, Debug)]
pub struct WorkerSample {
    /// Uid or name of the pod.
    pub name: String,
    /// Counter `verbatim_audio_seconds_total`, which grows when a recording ends.
    pub audio_seconds: f64,
    /// Time since the worker was ready.
    pub up: Duration,
}
