//! A namespace with a node, a fleet, and an operator that may do exactly what its role says.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use verbatim_testing::cluster::{self, ControlPlane, FakeNode, Namespace, NodeOptions, PodScript};
use verbatim_testing::process::{Kept, free_port};

use crate::fleet::Fleet;

/// Everything here takes seconds; a Job's own back-off for a pod that is not counted takes 10 s, and 20 s the second time.
pub const LIMIT: Duration = Duration::from_secs(240);

/// The operator's service account, and another one's.
pub const ACCOUNT: &str = "operator";
pub const OTHER: &str = "other";

/// A namespace of a control plane with everything that a job needs. What is dropped first comes first.
pub struct Stage<'a> {
    operators: Vec<Kept>,
    _node: Option<FakeNode>,
    pub fleet: Arc<Fleet>,
    pub namespace: Namespace,
    pub cluster: &'a ControlPlane,
    pub logs: tempfile::TempDir,
    /// Variables of the operators that are started from now on.
    pub environment: Vec<(&'static str, String)>,
    /// Where the operator that was started last serves its metrics.
    http: String,
}

impl Stage<'static> {
    /// In the control plane that tests share.
    pub fn shared(prefix: &str, fleet: Fleet) -> Self {
        Stage::in_namespace(defined(), prefix, fleet, NodeOptions::default())
    }
}

/// The control plane that tests share, with the API and the operator's roles.
pub fn defined() -> &'static ControlPlane {
    static DEFINED: Once = Once::new();
    let cluster = cluster::shared();
    DEFINED.call_once(|| define(cluster));
    cluster
}

/// Defines the API, and the operator's roles.
pub fn define(cluster: &ControlPlane) {
    cluster.apply(include_str!("../../../crds/transcriptionjobs.verbatim.dev.yaml")).unwrap();
    cluster.apply(include_str!("../../../deploy/operator/rbac.yaml")).unwrap();
    cluster
        .kubectl(&[
            "wait",
            "--for=condition=Established",
            "crd/transcriptionjobs.verbatim.dev",
            "--timeout=60s",
        ])
        .unwrap();
}

impl<'a> Stage<'a> {
    /// In a control plane where the API is defined.
    pub fn in_namespace(cluster: &'a ControlPlane, prefix: &str, fleet: Fleet, node: NodeOptions) -> Self {
        let fleet = Arc::new(fleet);
        Self::with_script(cluster, prefix, Arc::clone(&fleet), node, |_| fleet.script())
    }

    /// The same with a script of its own for pods, made for the namespace.
    pub fn with_script<S: PodScript>(
        cluster: &'a ControlPlane,
        prefix: &str,
        fleet: Arc<Fleet>,
        node: NodeOptions,
        script: impl FnOnce(&Namespace) -> S,
    ) -> Self {
        let namespace = cluster.namespace(prefix).unwrap();
        let node = FakeNode::start(&namespace, node, script(&namespace)).unwrap();
        let binding = |role: &str| {
            let subjects = [ACCOUNT, OTHER]
                .map(|name| json!({"kind": "ServiceAccount", "name": name, "namespace": namespace.name()}));
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": role},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                "subjects": subjects,
            })
        };
        let account =
            |name: &str| json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
        for object in [
            account(ACCOUNT),
            account(OTHER),
            binding("verbatim-operator"),
            binding("verbatim-operator-leader"),
        ] {
            namespace.apply(&object.to_string()).unwrap();
        }
        let logs = tempfile::tempdir().unwrap();
        Stage {
            operators: Vec::new(),
            _node: Some(node),
            fleet,
            namespace,
            cluster,
            logs,
            environment: Vec::new(),
            http: String::new(),
        }
    }

    /// Starts an operator for this namespace. Gives its process's id.
    pub fn operator(&mut self, more: &[&str]) -> u32 {
        self.operator_as(ACCOUNT, more)
    }

    /// Starts an operator with this service account, by which the audit log tells operators apart.
    pub fn operator_as(&mut self, account: &str, more: &[&str]) -> u32 {
        let own = self.namespace.name().to_owned();
        self.operator_over(account, &[&["--namespace", &own], more].concat())
    }

    /// Starts an operator that watches what its arguments say.
    pub fn operator_over(&mut self, account: &str, arguments: &[&str]) -> u32 {
        let kubeconfig = self.namespace.token_for(account).unwrap();
        self.http = format!("127.0.0.1:{}", free_port().unwrap());
        let mut command = operator(&kubeconfig, &self.http);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(["--lease-namespace", self.namespace.name()]).args(arguments);
        let number = std::fs::read_dir(self.logs.path()).unwrap().count();
        let log = self.logs.path().join(format!("operator-{number}.log"));
        let kept = Kept::start_logged(&command, &log).unwrap();
        let id = kept.id();
        self.operators.push(kept);
        id
    }

    /// Kills an operator as a lost node does.
    pub fn kill_operator(&mut self) {
        drop(self.operators.pop());
    }

    /// Kills the operator that was started first.
    pub fn kill_first_operator(&mut self) {
        drop(self.operators.remove(0));
    }

    /// What the operators have written.
    pub fn log(&self) -> String {
        let mut text = String::new();
        for entry in std::fs::read_dir(self.logs.path()).unwrap() {
            text += &std::fs::read_to_string(entry.unwrap().path()).unwrap();
        }
        text
    }

    /// Applies a job over the fleet's recordings; `more` is laid over its spec.
    pub fn apply(&self, name: &str, more: Value) {
        let mut spec = json!({
            "source": {"s3": {"bucket": "calls", "prefix": "2026/11/"}},
            "destination": {"s3": {"bucket": "transcripts", "prefix": "2026/11/"}, "formats": ["JSON", "TXT"]},
            "scaling": {"minWorkers": 1, "maxWorkers": 3},
        });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let job = json!({"apiVersion": "verbatim.dev/v1alpha1", "kind": "TranscriptionJob", "metadata": {"name": name}, "spec": spec});
        self.namespace.apply(&job.to_string()).unwrap();
    }

    /// Changes a job's spec.
    pub fn patch(&self, name: &str, spec: &Value) {
        let patch = json!({"spec": spec}).to_string();
        self.namespace.kubectl(&["patch", "tj", name, "--type=merge", "--patch", &patch]).unwrap();
    }

    /// An object.
    pub fn get(&self, what: &str) -> Value {
        serde_json::from_str(&self.namespace.kubectl(&["get", what, "-o", "json"]).unwrap()).unwrap()
    }

    /// A job's status.
    pub fn status(&self, name: &str) -> Value {
        self.get(&format!("tj/{name}"))["status"].clone()
    }

    /// Events about a job, as `Reason: note`, the oldest first.
    pub fn events(&self, name: &str) -> Vec<String> {
        let events = self.get("events.events.k8s.io");
        let mut events: Vec<(String, String)> = events["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|event| event["regarding"]["name"] == name)
            .map(|event| {
                let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
                (text("eventTime"), format!("{}: {}", text("reason"), text("note")))
            })
            .collect();
        events.sort();
        events.into_iter().map(|(_, event)| event).collect()
    }

    /// Waits until a job's status is as wanted, and tells what was there otherwise.
    pub fn until(&self, name: &str, what: &str, mut holds: impl FnMut(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let status = self.status(name);
            truth(&status);
            if holds(&status) {
                return status;
            }
            assert!(
                begun.elapsed() < LIMIT,
                "{what} never came\nstatus: {status:#}\nevents: {:#?}\nlog:\n{}",
                self.events(name),
                self.log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The metrics of the operator that was started last.
    pub fn page(&self) -> String {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(&self.http).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nhost: operator\r\nconnection: close\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    }

    /// Requests of this namespace's operators that were forbidden.
    pub fn forbidden(&self) -> Vec<String> {
        let user = format!("system:serviceaccount:{}:", self.namespace.name());
        let all = self.cluster.audit().unwrap().into_iter();
        all.filter(|request| request.user.starts_with(&user) && request.code == 403)
            .map(|request| format!("{request:?}"))
            .collect()
    }
}

/// The operator's command.
pub fn operator(kubeconfig: &PathBuf, http: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verbatim-operator"));
    command.env("KUBECONFIG", kubeconfig).env("RUST_LOG", "info");
    command.args([
        "--http",
        http,
        "--look-every",
        "0.5",
        "--scrape-timeout",
        "1",
        "--worker-image",
        "worker:test",
    ]);
    command
}

/// Status and reason of a condition.
pub fn condition(status: &Value, kind: &str) -> String {
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    let found = conditions.iter().find(|condition| condition["type"] == kind);
    found.map_or_else(String::new, |one| {
        format!("{} {}", one["status"].as_str().unwrap(), one["reason"].as_str().unwrap())
    })
}

/// What must hold of every status at every moment.
pub fn truth(status: &Value) {
    let files = &status["files"];
    let count = |field: &str| files[field].as_i64().unwrap_or_default();
    if files.is_object() {
        let sum = count("succeeded") + count("failed") + count("skipped") + count("remaining");
        assert_eq!(sum, count("total"), "{status:#}");
    }
    let holds = |kind: &str| condition(status, kind).starts_with("True");
    assert!(!(holds("Complete") && holds("Failed")), "{status:#}");
    if holds("Complete") {
        assert_eq!((count("remaining"), &status["phase"]), (0, &json!("Complete")), "{status:#}");
    }
}
