//! Workers as their pods show them. No I/O.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use verbatim_crds::contract::messages::TerminationMessage;
use verbatim_crds::contract::{WORKER_CONTAINER, labels};

/// Annotation with a pod's index in its Job.
pub const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// Waiting reasons of containers that do not resolve by themselves.
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
    /// Round of its Job.
    pub round: i32,
    /// Index in that Job.
    pub index: Option<u32>,
    /// IP address.
    pub address: Option<String>,
    /// Time of creation.
    pub created: Option<Timestamp>,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// State of the pod.
    pub state: WorkerState,
}

/// State of a pod.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkerState {
    /// The pod does not run yet.
    Pending {
        /// The scheduler's message if it finds no node.
        unschedulable: Option<String>,
        /// Problem of a container that cannot start.
        stuck: Option<String>,
    },
    /// The container runs.
    Running {
        /// Time since which it is ready.
        ready: Option<Timestamp>,
    },
    /// The pod has ended.
    Ended {
        /// Exit code of the worker's container, if it ran.
        exit: Option<i32>,
        /// The kubelet's reason, such as `OOMKilled`.
        reason: Option<String>,
        /// Termination message, if it can be read.
        message: Option<Box<TerminationMessage>>,
    },
}

impl Worker {
    /// Whether it runs and takes files.
    pub fn is_ready(&self) -> bool {
        !self.terminating && matches!(self.state, WorkerState::Running { ready: Some(_) })
    }

    /// Whether it has not ended.
    pub fn is_alive(&self) -> bool {
        !matches!(self.state, WorkerState::Ended { .. })
    }

    /// Termination message of an ended worker.
    pub fn termination_message(&self) -> Option<&TerminationMessage> {
        match &self.state {
            WorkerState::Ended { message, .. } => message.as_deref(),
            _ => None,
        }
    }
}

/// Workers of a job, by round and index.
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
        terminating: pod.metadata.deletion_timestamp.is_some(),
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
                message: ended
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
    fn ended_pods_have_exit_code_and_message() {
        let worker = pod(json!({
            "phase": "Failed",
            "containerStatuses": [{
                "name": "worker", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"terminated": {"exitCode": 78, "reason": "Error",
                    "message": "{\"exit\":78,\"left\":\"Error\",\"cause\":\"StorageUnavailable\",\"message\":\"no bucket\"}"}},
            }],
        }));
        assert_eq!((worker.index, worker.round, worker.is_alive()), (Some(1), 0, false));
        let message = worker.termination_message().unwrap();
        assert_eq!(message.message.as_deref(), Some("no bucket"));
    }

    #[test]
    fn unreadable_termination_messages_are_ignored() {
        let worker = pod(json!({
            "phase": "Failed",
            "containerStatuses": [{
                "name": "worker", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "message": "{\"exit\":"}},
            }],
        }));
        assert!(worker.termination_message().is_none());
        assert!(matches!(worker.state, WorkerState::Ended { exit: Some(137), .. }));
    }

    #[test]
    fn scheduler_message_is_kept() {
        let worker = pod(json!({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"},
        ]}));
        let WorkerState::Pending { unschedulable, stuck } = worker.state else { panic!() };
        assert_eq!((unschedulable.as_deref(), stuck), (Some("0/3 nodes"), None));
    }
}
