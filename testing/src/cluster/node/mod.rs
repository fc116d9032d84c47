//! A node without a machine: pods that the scheduler binds to it run scripts.

mod address;
mod kubelet;
mod script;
mod status;

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

pub use self::script::{Exit, PodScript, Running};
use super::access::{Access, client};
use super::credentials::User;
use super::error::Error;
use super::namespace::{NODE_LABEL, Namespace};
use super::{random, version, wait_for, within};

/// Longest time for the removal requests: a drop must not hang if the API server is stopped.
const REMOVE: Duration = Duration::from_secs(10);

/// Resources and labels of a node.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Number of processors.
    pub cpu: u32,
    /// Memory in GiB.
    pub memory: u32,
    /// Highest number of pods.
    pub pods: u32,
    /// Number of graphics cards, `nvidia.com/gpu`. With none, the node does not have that resource.
    pub gpus: u32,
    /// Labels in addition to those of every node.
    pub labels: BTreeMap<String, String>,
}

impl Default for NodeOptions {
    /// Resources for any test, and no graphics card.
    fn default() -> Self {
        Self { cpu: 1000, memory: 10_000, pods: 10_000, gpus: 0, labels: BTreeMap::new() }
    }
}

/// Node for the pods of one namespace. Dropping it removes it, with its pods and their scripts.
///
/// It takes the place of the kubelet: pods run, become ready, end, and are deleted after their grace period,
/// as their `worker` container does, which is a [`PodScript`]. Containers are never restarted, whatever the
/// restart policy of the pod. Logs, `exec` and probes are not supported.
#[derive(Debug)]
pub struct FakeNode {
    name: String,
    namespace: String,
    access: Arc<Access>,
    /// Runs the scripts, even while the test's own threads wait.
    runtime: Option<Runtime>,
}

impl FakeNode {
    /// Adds a ready node to the cluster, for the pods of `namespace`.
    ///
    /// # Errors
    /// The API server rejects the node.
    pub fn start(namespace: &Namespace, options: NodeOptions, script: impl PodScript) -> Result<Self, Error> {
        let name = format!("{}-{:08x}", namespace.name(), random()? >> 32);
        let object = object(&name, namespace.name(), &options);
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (registered, result) = mpsc::channel();
        let kubeconfig = namespace.access.kubeconfig(User::Node);
        let served = (namespace.name().to_owned(), name.clone());
        runtime.spawn(async move {
            let (namespace, name) = served;
            let client = match register(&kubeconfig, &name, object).await {
                Ok(client) => client,
                Err(error) => return drop(registered.send(Err(error))),
            };
            let _ = registered.send(Ok(()));
            kubelet::serve(client, namespace, name, Arc::new(script)).await;
        });
        // Dropping it shuts down the runtime and removes all objects, even if the API server rejected the
        // node.
        let node = Self {
            name,
            namespace: namespace.name().to_owned(),
            access: Arc::clone(&namespace.access),
            runtime: Some(runtime),
        };
        result.recv().map_err(std::io::Error::other)??;
        Ok(node)
    }

    /// Name of the node.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A runtime must not be dropped by a task of another one.
            let _ = std::thread::spawn(move || drop(runtime)).join();
        }
        let _ = wait_for(within(REMOVE, async {
            let client = client(&self.access.kubeconfig(User::Node)).await?;
            Api::<Node>::all(client.clone()).delete(&self.name, &DeleteParams::default()).await?;
            // Nothing else reports any more that they have ended.
            let pods: Api<Pod> = Api::namespaced(client, &self.namespace);
            let of_node = ListParams::default().fields(&format!("spec.nodeName={}", self.name));
            pods.delete_collection(&DeleteParams::default().grace_period(0), &of_node).await?;
            Ok::<_, Error>(())
        }));
    }
}

async fn register(kubeconfig: &std::path::Path, name: &str, object: Value) -> Result<Client, Error> {
    let client = client(kubeconfig).await?;
    let nodes: Api<Node> = Api::all(client.clone());
    nodes.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    // Admission taints every new node as not ready, and the controller that removes the taint is left out.
    let unmarked = json!({ "spec": { "taints": null } });
    nodes.patch(name, &PatchParams::default(), &Patch::Merge(unmarked)).await?;
    Ok(client)
}

fn object(name: &str, namespace: &str, options: &NodeOptions) -> Value {
    let mut labels = options.labels.clone();
    for (label, value) in [
        (NODE_LABEL, namespace),
        ("kubernetes.io/hostname", name),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
    ] {
        labels.insert(label.to_owned(), value.to_owned());
    }
    let mut resources = json!({
        "cpu": options.cpu.to_string(),
        "memory": format!("{}Gi", options.memory),
        "ephemeral-storage": "10000Gi",
        "pods": options.pods.to_string(),
    });
    if options.gpus > 0 {
        resources["nvidia.com/gpu"] = options.gpus.to_string().into();
    }
    let now = Time(Timestamp::now());
    json!({
        "metadata": { "name": name, "labels": labels },
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "addresses": [{ "type": "InternalIP", "address": "127.0.0.1" }, { "type": "Hostname", "address": name }],
            "conditions": [{
                "type": "Ready",
                "status": "True",
                "reason": "KubeletReady",
                "message": "a fake node is always ready",
                "lastHeartbeatTime": now,
                "lastTransitionTime": now,
            }],
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": name,
                "containerRuntimeVersion": "fake://0",
                "kernelVersion": "0",
                "kubeProxyVersion": "",
                "kubeletVersion": version(),
                "machineID": name,
                "operatingSystem": "linux",
                "osImage": "fake",
                "systemUUID": name,
            },
        },
    })
}
