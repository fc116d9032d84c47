//! What pods say of themselves.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use verbatim_crds::contract::messages::Farewell;
use verbatim_crds::contract::{WORKER_CONTAINER, labels};

/// The annotation with a pod's index in its Job.
pub const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// Reasons of containers that wait for what does not come by itself.
const STUCK: [&str; 8] = [
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
];

/// A worker's pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    /// The pod's name.
    pub name: String,
    /// The pod's uid.
    pub uid: String,
    /// The Job that it belongs to.
    pub round: i32,
    /// Its index in that Job.
    pub index: Option<u32>,
    /// Its address.
    pub address: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Whether it was told to end.
    pub leaving: bool,
    /// What it does.
    pub state: WorkerState,
}

/// What a pod does.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkerState {
    /// It does not run yet.
    Pending {
        /// The scheduler's own words, where it finds no node.
        unschedulable: Option<String>,
        /// Why a container cannot start, where it cannot.
        stuck: Option<String>,
    },
    /// Its container runs.
    Running {
        /// Since when it is ready.
        ready: Option<Timestamp>,
    },
    /// It has ended.
    Ended {
        /// The exit code of the worker's container, where it ran.
        exit: Option<i32>,
        /// The kubelet's word for it, as `OOMKilled`.
        reason: Option<String>,
        /// What it said.
        farewell: Option<Box<Farewell>>,
    },
}

impl Worker {
    /// Whether it runs, and takes files.
    pub fn is_ready(&self) -> bool {
        !self.leaving && matches!(self.state, WorkerState::Running { ready: Some(_) })
    }

    /// Whether it has not ended.
    pub fn lives(&self) -> bool {
        !matches!(self.state, WorkerState::Ended { .. })
    }

    /// What it said as it ended.
    pub fn farewell(&self) -> Option<&Farewell> {
        match &self.state {
            WorkerState::Ended { farewell, .. } => farewell.as_deref(),
            _ => None,
        }
    }
}

/// The pods of a job.
pub fn read(pods: &[Arc<Pod>]) -> Vec<Worker> {
    let mut workers: Vec<Worker> = pods.iter().map(|pod| worker(pod)).collect();
    workers.sort_by(|a, b| (a.round, a.index, &a.name).cmp(&(b.round, b.index, &b.name)));
    workers
}

fn worker(pod: &Pod) -> Worker {
    let status = pod.status.as_ref();
    let index = pod.annotations().get(INDEX).and_then(|index| index.parse().ok());
    Worker {
        name: pod.name_any(),
        uid: pod.uid().unwrap_or_default(),
        round: pod.labels().get(labels::ROUND).and_then(|round| round.parse().ok()).unwrap_or_default(),
        index,
        address: status.and_then(|status| status.pod_ip.clone()).filter(|address| !address.is_empty()),
        created: pod.metadata.creation_timestamp.as_ref().map(|time| time.0),
        leaving: pod.metadata.deletion_timestamp.is_some(),
        state: state(pod),
    }
}

fn state(pod: &Pod) -> WorkerState {
    let Some(status) = &pod.status else { return WorkerState::Pending { unschedulable: None, stuck: None } };
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    let main = containers.iter().find(|container| container.name == WORKER_CONTAINER);
    match status.phase.as_deref() {
        Some("Succeeded" | "Failed") => {
            let ended = main.and_then(|main| main.state.as_ref()?.terminated.as_ref());
            WorkerState::Ended {
                exit: ended.map(|ended| ended.exit_code),
                reason: ended.and_then(|ended| ended.reason.clone()).or_else(|| status.reason.clone()),
                farewell: ended
                    .and_then(|ended| serde_json::from_str(ended.message.as_deref()?).ok())
                    .map(Box::new),
            }
        }
        Some("Running") => {
            let conditions = status.conditions.as_deref().unwrap_or_default();
            let ready = conditions.iter().find(|one| one.type_ == "Ready" && one.status == "True");
            let since = ready.and_then(|ready| ready.last_transition_time.as_ref()).map(|time| time.0);
            WorkerState::Running { ready: ready.map(|_| since.unwrap_or(Timestamp::UNIX_EPOCH)) }
        }
        _ => {
            let conditions = status.conditions.as_deref().unwrap_or_default();
            let unschedulable = conditions
                .iter()
                .find(|one| one.type_ == "PodScheduled" && one.status == "False")
                .filter(|one| one.reason.as_deref() == Some("Unschedulable"))
                .map(|one| one.message.clone().unwrap_or_default());
            let inits = status.init_container_statuses.as_deref().unwrap_or_default();
            let stuck = inits.iter().chain(containers).find_map(stuck);
            WorkerState::Pending { unschedulable, stuck }
        }
    }
}

fn stuck(container: &ContainerStatus) -> Option<String> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref().filter(|reason| STUCK.contains(reason))?;
    let message = waiting.message.as_deref().unwrap_or_default();
    Some(format!("container {}: {reason}: {message}", container.name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: serde_json::Value) -> Worker {
        let object = json!({
            "metadata": {
                "name": "calls-0-1-x", "uid": "u", "labels": {"verbatim.dev/round": "0"},
                "annotations": {INDEX: "1"},
            },
            "status": status,
        });
        worker(&serde_json::from_value(object).unwrap())
    }

    #[test]
    fn an_ended_pod_tells_how() {
        let worker = pod(json!({
            "phase": "Failed",
            "containerStatuses": [{
                "name": "worker", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"terminated": {"exitCode": 78, "reason": "Error",
                    "message": "{\"exit\":78,\"left\":\"Error\",\"cause\":\"StorageUnavailable\",\"message\":\"no bucket\"}"}},
            }],
        }));
        assert_eq!((worker.index, worker.round, worker.lives()), (Some(1), 0, false));
        let farewell = worker.farewell().unwrap();
        assert_eq!(farewell.message.as_deref(), Some("no bucket"));
    }

    #[test]
    fn nonsense_of_a_pod_is_no_farewell() {
        let worker = pod(json!({
            "phase": "Failed",
            "containerStatuses": [{
                "name": "worker", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "message": "{\"exit\":"}},
            }],
        }));
        assert!(worker.farewell().is_none());
        assert!(matches!(worker.state, WorkerState::Ended { exit: Some(137), .. }));
    }

    #[test]
    fn the_schedulers_words_are_kept() {
        let worker = pod(json!({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"},
        ]}));
        let WorkerState::Pending { unschedulable, stuck } = worker.state else { panic!() };
        assert_eq!((unschedulable.as_deref(), stuck), (Some("0/3 nodes"), None));
    }
}
