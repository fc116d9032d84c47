//! Pods as processes: the real programs with their pod's arguments, on the pod's address.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use verbatim_testing::cluster::{Exit, PodScript, Running};
use verbatim_testing::process::OwnedProcess;
use verbatim_testing::versitygw::VersityGw;

/// Interval between two checks whether a pod is ready or has ended.
const POLL: Duration = Duration::from_millis(500);

/// Runs a program in a shell that forwards SIGTERM and records the exit code. Low priority, so that other
/// work comes first.
const SHELL: &str = r#"[ -z "$CGROUP" ] || echo $$ > "$CGROUP/cgroup.procs"
nice -n 19 setpriv --pdeathsig KILL "$@" &
child=$!
trap 'kill -TERM $child' TERM
wait $child; code=$?
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
echo $code > "$EXIT""#;

/// Programs and folders of this machine that pods use.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// Folder of `verbatim` and `verbatim-operator`.
    pub(crate) binaries: PathBuf,
    /// Folder of each pod's files, and of logs.
    pub(crate) state: PathBuf,
    /// The operator's access to the API server.
    pub(crate) kubeconfig: PathBuf,
    /// Recordings for soaks.
    pub(crate) speech: PathBuf,
}

impl Programs {
    /// The script of every pod.
    pub(crate) fn script(self) -> impl PodScript {
        move |pod: Pod, running: Running| {
            let programs = self.clone();
            async move {
                programs.run(&pod, &running).await.unwrap_or_else(|error| {
                    eprintln!("{}: {error}", name(&pod));
                    Exit::code(1).message(error.to_string())
                })
            }
        }
    }

    async fn run(&self, pod: &Pod, running: &Running) -> std::io::Result<Exit> {
        let missing = || std::io::Error::other("the pod has no container");
        let container = pod.spec.as_ref().and_then(|spec| spec.containers.first()).ok_or_else(missing)?;
        let folder = self.state.join("pods").join(name(pod));
        std::fs::create_dir_all(folder.join("spool"))?;
        self.config(pod, &folder)?;
        let command = self.command(pod, container, running, &folder);
        let process = OwnedProcess::start_logged(&command, &folder.join("log"))?;
        let port = port(container);
        let mut asked = false;
        while process.runs() {
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = running.terminated(), if !asked => {
                    asked = true;
                    // The shell forwards it.
                    Command::new("kill").args(["-TERM", &process.id().to_string()]).status()?;
                }
            }
            running.set_ready(ready(running, port).await.unwrap_or(false));
        }
        drop(process);
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap_or_default();
        // Without an exit code, the shell itself was killed.
        let exit = read("exit").trim().parse().map_or_else(|_| Exit::killed(), Exit::code);
        Ok(exit.message(read("termination-log")))
    }

    fn command(&self, pod: &Pod, container: &Container, running: &Running, folder: &Path) -> Command {
        let program = container.command.as_ref().and_then(|command| command.first());
        let address = running.address().to_string();
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let arguments = container.args.iter().flatten().map(|argument| {
            argument
                .replace("$(POD_IP)", &address)
                .replace("/etc/verbatim", &path(folder))
                .replace("/spool", &path(&folder.join("spool")))
                .replace("/speech", &path(&self.speech))
        });
        let mut command = Command::new("sh");
        command.args(["-c", SHELL, "sh"]).arg(self.binaries.join(program.map_or("verbatim", String::as_str)));
        command.args(arguments);
        if container.args.iter().flatten().next().is_some_and(|first| first == "worker") {
            let log = folder.join("termination-log");
            let _ = std::fs::write(&log, "");
            // One processor each, as with a container's limit.
            command.arg("--termination-log").arg(log).args(["--threads", "1"]);
        }
        command
            .env("EXIT", folder.join("exit"))
            .env("CGROUP", cgroup(pod, container).unwrap_or_default())
            .env("TMPDIR", folder.join("spool"))
            .env("VERBATIM_WORKER", name(pod))
            .env("POD_NAME", name(pod))
            .env("KUBECONFIG", &self.kubeconfig)
            .env("AWS_ACCESS_KEY_ID", VersityGw::ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", VersityGw::SECRET_KEY);
        command
    }

    /// Writes the files of the pod's ConfigMap.
    fn config(&self, pod: &Pod, folder: &Path) -> std::io::Result<()> {
        let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
        let Some(config) = volumes.filter_map(|volume| volume.config_map.as_ref()).next() else {
            return Ok(());
        };
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let output = Command::new("kubectl")
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(["--namespace", &namespace, "get", "configmap", &config.name])
            .args(["-o", "jsonpath={.data.job\\.json}"])
            .output()?;
        std::fs::write(folder.join("job.json"), output.stdout)
    }
}

fn name(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap_or_default()
}

fn port(container: &Container) -> u16 {
    let port = container.ports.iter().flatten().next().map_or(9090, |port| port.container_port);
    u16::try_from(port).unwrap_or(9090)
}

/// Checks readiness in the same way as the kubelet's probe.
async fn ready(running: &Running, port: u16) -> std::io::Result<bool> {
    let mut stream = tokio::net::TcpStream::connect((running.address(), port)).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}

/// Creates a cgroup with the container's memory limit, if this machine allows it; without one, the cgroup
/// metrics are those of the whole session.
fn cgroup(pod: &Pod, container: &Container) -> Option<String> {
    let limit = container.resources.as_ref()?.limits.as_ref()?.get("memory")?.0.clone();
    let bytes = limit.strip_suffix("Mi").and_then(|number| number.parse::<u64>().ok())? << 20;
    let folder = PathBuf::from("/sys/fs/cgroup/memory/verbatim-check-queries").join(name(pod));
    std::fs::create_dir_all(&folder).ok()?;
    std::fs::write(folder.join("memory.limit_in_bytes"), bytes.to_string()).ok()?;
    Some(folder.to_string_lossy().into_owned())
}
