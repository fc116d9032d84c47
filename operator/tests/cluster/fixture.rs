//! A namespace with a node, a fleet, and an operator with exactly the rights of its role.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use verbatim_testing::cluster::{self, ControlPlane, FakeNode, Namespace, NodeOptions, PodScript};
use verbatim_testing::process::{OwnedProcess, free_port};

use crate::fleet::Fleet;

/// Longest wait. Every step takes seconds; the Job controller's back-off for an ignored pod failure is 10 s,
/// then 20 s.
pub const LIMIT: Duration = Duration::from_secs(240);

/// Service accounts of the operator and of a second one.
pub const ACCOUNT: &str = "operator";
pub const OTHER: &str = "other";

/// A namespace of a control plane with everything that a job needs. Fields are dropped in this order.
pub struct Fixture<'a> {
    operators: Vec<OwnedProcess>,
    _node: Option<FakeNode>,
    pub fleet: Arc<Fleet>,
    pub namespace: Namespace,
    pub cluster: &'a ControlPlane,
    pub logs: tempfile::TempDir,
    /// Environment variables of operators that are started from now on.
    pub environment: Vec<(&'static str, String)>,
    /// HTTP address of the operator that was started last.
    http: String,
}

impl Fixture<'static> {
    /// A fixture in the shared control plane.
    pub fn shared(prefix: &str, fleet: Fleet) -> Self {
        Fixture::in_namespace(defined(), prefix, fleet, NodeOptions::default())
    }
}

/// The shared control plane, with the API and the operator's roles.
pub fn defined() -> &'static ControlPlane {
    static DEFINED: Once = Once::new();
    let cluster = cluster::shared();
    DEFINED.call_once(|| define(cluster));
    cluster
}

/// Installs the API and the operator's roles.
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

impl<'a> Fixture<'a> {
    /// A fixture in a control plane that has the API.
    pub fn in_namespace(cluster: &'a ControlPlane, prefix: &str, fleet: Fleet, node: NodeOptions) -> Self {
        let fleet = Arc::new(fleet);
        Self::with_script(cluster, prefix, Arc::clone(&fleet), node, |_| fleet.script())
    }

    /// The same with a custom script for the namespace's pods.
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
        Fixture {
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

    /// Starts an operator for this namespace. Returns its process id.
    pub fn operator(&mut self, more: &[&str]) -> u32 {
        self.operator_as(ACCOUNT, more)
    }

    /// Starts an operator with this service account, which distinguishes operators in the audit log.
    pub fn operator_as(&mut self, account: &str, more: &[&str]) -> u32 {
        let own = self.namespace.name().to_owned();
        self.operator_over(account, &[&["--namespace", &own], more].concat())
    }

    /// Starts an operator with these arguments.
    pub fn operator_over(&mut self, account: &str, arguments: &[&str]) -> u32 {
        let kubeconfig = self.namespace.token_for(account).unwrap();
        self.http = format!("127.0.0.1:{}", free_port().unwrap());
        let mut command = operator(&kubeconfig, &self.http);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(["--lease-namespace", self.namespace.name()]).args(arguments);
        let number = std::fs::read_dir(self.logs.path()).unwrap().count();
        let log = self.logs.path().join(format!("operator-{number}.log"));
        let process = OwnedProcess::start_logged(&command, &log).unwrap();
        let id = process.id();
        self.operators.push(process);
        id
    }

    /// Kills the operator that was started last, as a lost node does.
    pub fn kill_operator(&mut self) {
        drop(self.operators.pop());
    }

    /// Whether the operator that was started last is running.
    pub fn operator_runs(&self) -> bool {
        self.operators.last().is_some_and(OwnedProcess::runs)
    }

    /// Kills the operator that was started first.
    pub fn kill_first_operator(&mut self) {
        drop(self.operators.remove(0));
    }

    /// Logs of all operators.
    pub fn log(&self) -> String {
        let mut text = String::new();
        for entry in std::fs::read_dir(self.logs.path()).unwrap() {
            text += &std::fs::read_to_string(entry.unwrap().path()).unwrap();
        }
        text
    }

    /// Applies a job over the fleet's recordings; `more` overrides fields of its spec.
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

    /// Patches a job's spec.
    pub fn patch(&self, name: &str, spec: &Value) {
        let patch = json!({"spec": spec}).to_string();
        self.namespace.kubectl(&["patch", "tj", name, "--type=merge", "--patch", &patch]).unwrap();
    }

    /// An object of the namespace.
    pub fn get(&self, what: &str) -> Value {
        serde_json::from_str(&self.namespace.kubectl(&["get", what, "-o", "json"]).unwrap()).unwrap()
    }

    /// Status of a job.
    pub fn status(&self, name: &str) -> Value {
        self.get(&format!("tj/{name}"))["status"].clone()
    }

    /// Events of a job as `Reason: note`, the oldest first.
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

    /// Waits until a job's status matches; otherwise fails with status, events and logs.
    pub fn until(&self, name: &str, what: &str, mut holds: impl FnMut(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let status = self.status(name);
            assert_consistent(&status);
            if holds(&status) {
                return status;
            }
            assert!(
                started.elapsed() < LIMIT,
                "{what} never came\nstatus: {status:#}\nevents: {:#?}\nlog:\n{}",
                self.events(name),
                self.log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Metrics page of the operator that was started last.
    pub fn page(&self) -> String {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(&self.http).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nhost: operator\r\nconnection: close\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    }

    /// Forbidden requests of this namespace's operators.
    pub fn forbidden(&self) -> Vec<String> {
        let user = format!("system:serviceaccount:{}:", self.namespace.name());
        let all = self.cluster.audit().unwrap().into_iter();
        all.filter(|request| request.user.starts_with(&user) && request.code == 403)
            .map(|request| format!("{request:?}"))
            .collect()
    }
}

/// Waits until a condition holds. Returns the time that it took.
pub fn wait_until(what: &str, holds: impl Fn() -> bool) -> Duration {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < LIMIT, "{what} never came");
        std::thread::sleep(Duration::from_millis(100));
    }
    started.elapsed()
}

/// Command of the operator.
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

/// Checks the invariants of every status.
pub fn assert_consistent(status: &Value) {
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
