//! Runs a worker's container as a process by its pod's spec: arguments, environment, volumes, probes,
//! signals, exit code and termination message. Only the image is ignored.

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

/// Interval of probes. A kubelet's minimum is a second; the test is faster.
const PROBE: Duration = Duration::from_millis(100);

/// Variables of the worker that only the pod may set.
const NOT_OF_AN_IMAGE: [&str; 4] =
    ["VERBATIM_JOB", "VERBATIM_LOG", "VERBATIM_SANDBOX_OFF", "VERBATIM_WORKER"];

/// Path of the worker's program, beside the operator's.
pub fn verbatim() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_verbatim-operator")).with_file_name("verbatim");
    assert!(program.is_file(), "{} does not exist: run make build", program.display());
    program
}

/// Logs of all workers.
pub fn logs(folder: &Path) -> String {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|ending| ending == "log"));
    files.map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// Runs the containers of a namespace's pods.
#[derive(Clone)]
pub struct Containers {
    /// Kubeconfig of an account that may read what pods mount.
    kubeconfig: PathBuf,
    namespace: String,
    logs: PathBuf,
}

impl Containers {
    /// A runner for the pods of a namespace; each pod's standard error goes to a file in `logs`.
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

    /// Script of each pod's container.
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

        // The process ends with the test in any case, and with this future, which is dropped to kill the pod.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(verbatim());
        for argument in container.args.iter().flatten() {
            command.arg(inside(&mounts, &expanded(argument, &environment)));
        }
        // A kubelet mounts this file in the container; a process needs its path. And a pod that requests one
        // processor gets one.
        command.arg("--termination-log").arg(&termination_log).args(["--threads", "1"]);
        // The rest of the environment locates the model, which an image contains.
        let foreign = |name: &str| name.starts_with("AWS_") || NOT_OF_AN_IMAGE.contains(&name);
        for (name, _) in std::env::vars().filter(|(name, _)| foreign(name)) {
            command.env_remove(name);
        }
        command.envs(environment.iter().map(|(name, value)| (name, inside(&mounts, value))));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        // On this thread, which the node keeps: the kernel kills the process when the starting thread ends.
        let mut child = command.spawn().unwrap();
        let process = Pid::from_raw(child.id().try_into().unwrap());
        let mut killed = Killed(Some(process));
        let ended = tokio::task::spawn_blocking(move || child.wait());
        let terminated = async {
            running.terminated().await;
            let _ = kill(process, Signal::SIGTERM);
            std::future::pending::<()>().await
        };
        let status = tokio::select! {
            status = ended => status.unwrap().unwrap(),
            () = probe(container, running) => unreachable!("probing never ends"),
            () = terminated => unreachable!("the process ends first"),
        };
        // The process was reaped: its id may be reused.
        killed.0 = None;
        Exit::code(code(status)).message(fs::read_to_string(&termination_log).unwrap())
    }

    /// Creates the container's volumes. Returns their folders by mount path.
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
                // The index, a variable of the Job controller.
                Some(path) => labelled(pod, path).unwrap_or_else(|| panic!("unknown field {path}")),
                None => variable.value.clone().unwrap_or_default(),
            };
            all.insert(variable.name.clone(), value);
        }
        all
    }
}

/// Value of the label that a field path names.
fn labelled(pod: &Pod, path: &str) -> Option<String> {
    let name = path.strip_prefix("metadata.labels['")?.strip_suffix("']")?;
    pod.metadata.labels.as_ref()?.get(name).cloned()
}

/// Kills a process on drop, if there is one.
struct Killed(Option<Pid>);

impl Drop for Killed {
    fn drop(&mut self) {
        if let Some(process) = self.0 {
            let _ = kill(process, Signal::SIGKILL);
        }
    }
}

/// Replaces `$(NAME)` by the variable's value.
fn expanded(text: &str, environment: &BTreeMap<String, String>) -> String {
    environment.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("$({name})"), value))
}

/// Translates a path of the container.
fn inside(mounts: &BTreeMap<String, PathBuf>, path: &str) -> String {
    let mount = mounts.iter().find_map(|(mount, place)| {
        let rest = path.strip_prefix(mount)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{}{rest}", place.display()))
    });
    mount.unwrap_or_else(|| path.to_owned())
}

/// Probes the readiness of the container while it runs.
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

/// Exit code as container runtimes report it.
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
