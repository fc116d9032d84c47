//! A worker's container as a process, by what its pod says: arguments, environment, volumes, probes, signals, exit code and
//! termination message. Only the image is not looked at.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Container, Pod, Secret};
use kube::{Api, Client};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use verbatim_testing::cluster::{self, Exit, Namespace, PodScript, Running};

/// Between two probes. A kubelet's least is a second; the test has less time.
const PROBE: Duration = Duration::from_millis(100);

/// Variables of the worker that a container has from its pod alone.
const NOT_OF_AN_IMAGE: [&str; 4] =
    ["VERBATIM_JOB", "VERBATIM_LOG", "VERBATIM_SANDBOX_OFF", "VERBATIM_WORKER"];

/// The program, beside the operator's.
pub fn verbatim() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_verbatim-operator")).with_file_name("verbatim");
    assert!(program.is_file(), "there is no {}: run make build", program.display());
    program
}

/// What all workers have written.
pub fn said(logs: &Path) -> String {
    let files = fs::read_dir(logs).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|ending| ending == "log"));
    files.map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// Runs the containers of a namespace's pods.
#[derive(Clone)]
pub struct Containers {
    /// Of an account that may read what pods mount.
    kubeconfig: PathBuf,
    namespace: String,
    logs: PathBuf,
}

impl Containers {
    /// For the pods of a namespace; standard error of each goes into a file of `logs`.
    pub fn new(namespace: &Namespace, logs: &Path) -> Self {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "kubelet"}});
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "kubelet"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
            "subjects": [{"kind": "ServiceAccount", "name": "kubelet", "namespace": namespace.name()}],
        });
        namespace.apply(&format!("{account}\n---\n{binding}")).unwrap();
        let kubeconfig = namespace.token_for("kubelet").unwrap();
        Self { kubeconfig, namespace: namespace.name().to_owned(), logs: logs.to_owned() }
    }

    /// What each pod's container does.
    pub fn script(self) -> impl PodScript {
        move |pod: Pod, running: Running| {
            let containers = self.clone();
            async move { containers.run(&pod, &running).await }
        }
    }

    async fn run(&self, pod: &Pod, running: &Running) -> Exit {
        let client = cluster::client(&self.kubeconfig).await.unwrap();
        let spec = pod.spec.as_ref().unwrap();
        let container = spec.containers.iter().find(|container| container.name == "worker").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mounts = self.mount(&client, pod, container, folder.path()).await;
        let environment = self.environment(&client, pod, container, running.address()).await;
        let termination_log = folder.path().join("termination-log");
        fs::write(&termination_log, "").unwrap();
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.logs.join(format!("{}.log", pod.metadata.name.as_deref().unwrap())))
            .unwrap();

        // It dies with the test, however that ends; and with this future, which is dropped as a kubelet kills.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(verbatim());
        for argument in container.args.iter().flatten() {
            command.arg(inside(&mounts, &expanded(argument, &environment)));
        }
        // A kubelet mounts it where the container has it; a process has no place of its own. And a pod that asks for one
        // processor gets one.
        command.arg("--termination-log").arg(&termination_log).args(["--threads", "1"]);
        // The rest of the environment says where the model is, which an image has in it.
        let foreign = |name: &str| name.starts_with("AWS_") || NOT_OF_AN_IMAGE.contains(&name);
        for (name, _) in std::env::vars().filter(|(name, _)| foreign(name)) {
            command.env_remove(name);
        }
        command.envs(environment.iter().map(|(name, value)| (name, inside(&mounts, value))));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        // On this thread, which the node keeps: the kernel ends a process whose starter's thread has ended.
        let mut child = command.spawn().unwrap();
        let process = Pid::from_raw(child.id().try_into().unwrap());
        let mut killed = Killed(Some(process));
        let ended = tokio::task::spawn_blocking(move || child.wait());
        let told = async {
            running.terminated().await;
            let _ = kill(process, Signal::SIGTERM);
            std::future::pending::<()>().await
        };
        let status = tokio::select! {
            status = ended => status.unwrap().unwrap(),
            () = probe(container, running) => unreachable!("a probe goes on for ever"),
            () = told => unreachable!("it waits for the process"),
        };
        // It was waited for: its number may be another's.
        killed.0 = None;
        Exit::code(code(status)).message(fs::read_to_string(&termination_log).unwrap())
    }

    /// Makes the volumes that the container mounts: where each is, by its place in the container.
    async fn mount(
        &self,
        client: &Client,
        pod: &Pod,
        container: &Container,
        folder: &Path,
    ) -> BTreeMap<String, PathBuf> {
        let volumes = pod.spec.as_ref().unwrap().volumes.as_deref().unwrap_or_default();
        let mut mounts = BTreeMap::new();
        for mount in container.volume_mounts.as_deref().unwrap_or_default() {
            let place = folder.join(&mount.name);
            fs::create_dir(&place).unwrap();
            let volume = volumes.iter().find(|volume| volume.name == mount.name).unwrap();
            if let Some(source) = &volume.config_map {
                let api: Api<ConfigMap> = Api::namespaced(client.clone(), &self.namespace);
                for (name, text) in api.get(&source.name).await.unwrap().data.unwrap_or_default() {
                    fs::write(place.join(name), text).unwrap();
                }
            } else {
                assert!(volume.empty_dir.is_some(), "{volume:?}");
            }
            mounts.insert(mount.mount_path.clone(), place);
        }
        mounts
    }

    async fn environment(
        &self,
        client: &Client,
        pod: &Pod,
        container: &Container,
        address: IpAddr,
    ) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for source in container.env_from.iter().flatten() {
            let api: Api<Secret> = Api::namespaced(client.clone(), &self.namespace);
            let secret = api.get(&source.secret_ref.as_ref().unwrap().name).await.unwrap();
            for (name, value) in secret.data.unwrap_or_default() {
                all.insert(name, String::from_utf8(value.0).unwrap());
            }
        }
        for variable in container.env.iter().flatten() {
            let field = variable.value_from.as_ref().map(|from| from.field_ref.as_ref().unwrap());
            let value = match field.map(|field| field.field_path.as_str()) {
                Some("status.podIP") => address.to_string(),
                Some("metadata.name") => pod.metadata.name.clone().unwrap(),
                // The Job controller's own variable, the index.
                Some(path) => labelled(pod, path).unwrap_or_else(|| panic!("nobody plays {path}")),
                None => variable.value.clone().unwrap_or_default(),
            };
            all.insert(variable.name.clone(), value);
        }
        all
    }
}

/// The label that a field's path names.
fn labelled(pod: &Pod, path: &str) -> Option<String> {
    let name = path.strip_prefix("metadata.labels['")?.strip_suffix("']")?;
    pod.metadata.labels.as_ref()?.get(name).cloned()
}

/// A process that is killed when this is dropped, if there is one.
struct Killed(Option<Pid>);

impl Drop for Killed {
    fn drop(&mut self) {
        if let Some(process) = self.0 {
            let _ = kill(process, Signal::SIGKILL);
        }
    }
}

/// `$(NAME)` is the variable's value.
fn expanded(text: &str, environment: &BTreeMap<String, String>) -> String {
    environment.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("$({name})"), value))
}

/// A path of the container, where it is.
fn inside(mounts: &BTreeMap<String, PathBuf>, path: &str) -> String {
    let mount = mounts.iter().find_map(|(mount, place)| {
        let rest = path.strip_prefix(mount)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{}{rest}", place.display()))
    });
    mount.unwrap_or_else(|| path.to_owned())
}

/// Says whether the container is ready, for as long as it runs.
async fn probe(container: &Container, running: &Running) {
    let probe = container.readiness_probe.as_ref().and_then(|probe| probe.http_get.as_ref()).unwrap();
    let path = probe.path.as_deref().unwrap();
    let port = container.ports.iter().flatten().next().unwrap().container_port;
    loop {
        let answer = get(running.address(), port.try_into().unwrap(), path).await;
        running.set_ready(answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")));
        tokio::time::sleep(PROBE).await;
    }
}

async fn get(address: IpAddr, port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((address, port)).await?;
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nhost: worker\r\nconnection: close\r\n\r\n").as_bytes())
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// As a container runtime says it.
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
