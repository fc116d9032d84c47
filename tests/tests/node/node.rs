//! The node: kubectl, the store's folder, and starting and stopping its servers.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use verbatim_store::s3::Credentials;
use verbatim_store::{ObjectStore as _, Put, S3Config, S3Store};

/// Name of the cluster, as the scripts know it. Set by `make test-node`.
const VARIABLE: &str = "VERBATIM_CLUSTER";
/// Longest time for any expected event. A job over the prompts takes 20 s on two free cores; a silent worker
/// is replaced after two minutes. A late event on a busy machine is not a failure.
pub const DEADLINE: Duration = Duration::from_secs(900);
/// Longest time for a command to succeed: the API server needs some seconds after a stop.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(180);
/// Polling interval for changes that take seconds.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Held by the test that uses the node.
static NODE_LOCK: Mutex<()> = Mutex::new(());

/// The node, for one test at a time.
pub struct Node {
    name: String,
    state: PathBuf,
    _lock: MutexGuard<'static, ()>,
}

/// Waits for this test's turn, and returns the node.
pub fn node() -> Node {
    let Ok(name) = std::env::var(VARIABLE) else {
        panic!("{VARIABLE} is not set: run `make test-node` as root")
    };
    let lock = NODE_LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    let state = target().join("cluster").join(&name);
    assert!(state.join("kubeconfig").exists(), "{} is no running cluster", state.display());
    Node { name, state, _lock: lock }
}

/// Root of the checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Folder in which cargo builds and the cluster's scripts write: both use the same variable.
pub fn target() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Waits until `look` returns a value.
#[track_caller]
pub fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        std::thread::sleep(POLL_INTERVAL);
    }
}

impl Node {
    /// Name of the cluster, whose cgroup is `verbatim-NAME`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// kubectl for this cluster.
    pub fn command(&self) -> Command {
        let mut command = Command::new("kubectl");
        command.arg("--kubeconfig").arg(self.state.join("kubeconfig"));
        command
    }

    /// Runs kubectl, and returns its output or its error message.
    pub fn try_kubectl(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A kubectl that does not read its input closes it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let done = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        if done.status.success() { Ok(text(done.stdout)) } else { Err(text(done.stderr)) }
    }

    /// Runs kubectl, and returns its output. A restarted API server refuses some requests at first.
    #[track_caller]
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        self.send(arguments, "")
    }

    /// Same as [`Node::kubectl`], with input.
    #[track_caller]
    pub fn send(&self, arguments: &[&str], input: &str) -> String {
        let begun = Instant::now();
        loop {
            match self.try_kubectl(arguments, input) {
                Ok(text) => return text,
                Err(error) if begun.elapsed() > COMMAND_TIMEOUT => panic!("kubectl {arguments:?}: {error}"),
                Err(_) => std::thread::sleep(POLL_INTERVAL),
            }
        }
    }

    /// Object as JSON, or the error message of kubectl.
    pub fn json(&self, arguments: &[&str]) -> Result<Value, String> {
        let text = self.try_kubectl(&[arguments, &["-o", "json"]].concat(), "")?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// Creates a new namespace under Pod Security "restricted", with the store's keys in the Secret `s3`.
    pub fn namespace(&self, name: &str) {
        self.kubectl(&["delete", "namespace", name, "--ignore-not-found", "--timeout=300s"]);
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
        self.send(&["apply", "-f", "-"], &namespace.to_string());
        self.secret(name, "s3");
    }

    /// Creates a Secret with the store's keys.
    pub fn secret(&self, namespace: &str, name: &str) {
        let keys = self.keys();
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
            "stringData": {"AWS_ACCESS_KEY_ID": keys.0, "AWS_SECRET_ACCESS_KEY": keys.1}});
        self.send(&["apply", "-f", "-"], &secret.to_string());
    }

    /// Runs Helm on the release `verbatim` with this cluster's values. `verb` is the command and the chart,
    /// `more` are further options.
    #[track_caller]
    pub fn helm(&self, verb: &[&str], more: &[&str]) -> String {
        let values = root().join("scripts/cluster/values.yaml");
        let mut command = Command::new("helm");
        command.arg("--kubeconfig").arg(self.state.join("kubeconfig")).args(verb);
        command.args(["--namespace", "verbatim-system"]).args(more);
        match verb[0] {
            "upgrade" => command.args(["--wait", "--timeout", "10m", "--install", "--values"]).arg(values),
            "uninstall" => command.args(["--wait", "--timeout", "10m"]),
            _ => &mut command,
        };
        let done = command.stdin(Stdio::null()).output().unwrap();
        assert!(done.status.success(), "helm {verb:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// Stops or starts a server with `scripts/cluster/control.sh`.
    pub fn control(&self, action: &str, server: &str) {
        let done = Command::new(root().join("scripts/cluster/control.sh"))
            .args([action, server])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(done.status.success(), "{action} {server}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Folder of a bucket's objects in the store.
    pub fn bucket(&self, name: &str) -> PathBuf {
        self.state.join("store/data").join(name)
    }

    /// Removes what an earlier run left below a prefix: the objects and the store's metadata of them.
    pub fn empty(&self, bucket: &str, prefix: &str) {
        for place in ["data", "meta"] {
            let _ = std::fs::remove_dir_all(self.state.join("store").join(place).join(bucket).join(prefix));
        }
    }

    /// Log of the store.
    pub fn store_log(&self) -> String {
        std::fs::read_to_string(self.state.join("logs/store.log")).unwrap()
    }

    /// Address of the store, as pods reach it.
    pub fn endpoint(&self) -> String {
        std::fs::read_to_string(self.state.join("endpoint")).unwrap().trim().to_owned()
    }

    /// Address of Prometheus, on the node like the store.
    pub fn prometheus(&self) -> String {
        self.endpoint().replace(":7070", ":9090")
    }

    /// Result of a Prometheus query, if it is a single number.
    pub fn query_value(&self, query: &str) -> Option<f64> {
        let done = Command::new("curl")
            .args(["--silent", "--max-time", "10", "--data-urlencode", &format!("query={query}")])
            .arg(format!("{}/api/v1/query", self.prometheus()))
            .output()
            .unwrap();
        let answer: Value = serde_json::from_slice(&done.stdout).ok()?;
        answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }

    /// Address of the API server, as pods reach it.
    pub fn api_server(&self) -> String {
        let service = self.json(&["-n", "default", "get", "service", "kubernetes"]).unwrap();
        format!("https://{}:443/healthz", service["spec"]["clusterIP"].as_str().unwrap())
    }

    /// Access key and secret key.
    pub fn keys(&self) -> (String, String) {
        let text = std::fs::read_to_string(self.state.join("store.env")).unwrap();
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.unwrap().to_owned()
        };
        (value("ROOT_ACCESS_KEY"), value("ROOT_SECRET_KEY"))
    }

    /// Uploads files to the bucket `calls`, which is created if it is missing.
    pub fn upload(&self, prefix: &str, files: &[PathBuf]) {
        self.control("bucket", "calls");
        self.control("bucket", "transcripts");
        let (access_key, secret_key) = self.keys();
        let config = S3Config {
            bucket: "calls".to_owned(),
            endpoint: Some(self.endpoint()),
            region: Some("us-east-1".to_owned()),
            force_path_style: true,
            credentials: Credentials::Keys { access_key, secret_key, session_token: None },
            ..S3Config::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = S3Store::connect(config).await.unwrap();
            for file in files {
                let key = format!("{prefix}{}", file.file_name().unwrap().to_str().unwrap());
                let bytes = std::fs::read(file).unwrap();
                store.put(&key, Put::new(bytes, "audio/wav")).await.unwrap();
            }
        });
    }
}
