//! Command lines of a control plane's programs, in a folder with its [credentials](super::credentials).

use std::path::Path;
use std::process::Command;

use super::credentials::User;
use super::error::Error;
use crate::process::OwnedProcess;

pub(super) const ETCD: &str = "etcd";
pub(super) const API_SERVER: &str = "kube-apiserver";
pub(super) const CONTROLLER_MANAGER: &str = "kube-controller-manager";
pub(super) const SCHEDULER: &str = "kube-scheduler";

/// Audit log of the API server.
pub(super) const AUDIT_LOG: &str = "audit.log";

/// Address on which etcd listens: sockets in its folder, which need no free ports. Its syntax requires the
/// `:0`.
const CLIENTS: &str = "clients:0";
const PEERS: &str = "peers:0";

/// Disabled controllers. The first two watch for unresponsive nodes: a fake node sends no heartbeats, and
/// keeps its pods while a test stops the API server. The others have no work here, and only load the API
/// server.
const WITHOUT: &[&str] = &[
    "node-lifecycle-controller",
    "node-ipam-controller",
    "certificatesigningrequest-approving-controller",
    "certificatesigningrequest-cleaner-controller",
    "certificatesigningrequest-signing-controller",
    "persistentvolume-attach-detach-controller",
    "ttl-controller",
];

/// Starts etcd.
pub(super) fn etcd(folder: &Path) -> Result<OwnedProcess, Error> {
    let mut command = Command::new(ETCD);
    command.current_dir(folder).args(["--data-dir=etcd", "--name=verbatim", "--log-level=warn"]);
    // Its data is worthless after the test.
    command.arg("--unsafe-no-fsync");
    for (flag, socket) in [
        ("listen-client-urls", CLIENTS),
        ("advertise-client-urls", CLIENTS),
        ("listen-peer-urls", PEERS),
        ("initial-advertise-peer-urls", PEERS),
    ] {
        command.arg(format!("--{flag}=unix://{socket}"));
    }
    command.arg(format!("--initial-cluster=verbatim=unix://{PEERS}"));
    start(ETCD, &command, folder)
}

/// Starts the API server on `port`, which may be reserved by a socket that shares it.
pub(super) fn api_server(folder: &Path, port: u16) -> Result<OwnedProcess, Error> {
    let mut command = Command::new(API_SERVER);
    command.current_dir(folder).args([
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--permit-port-sharing",
        // A loopback address is not a valid endpoint of the service `kubernetes`, which nothing here uses.
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--tls-cert-file=server.pem",
        "--tls-private-key-file=server.key",
        "--token-auth-file=tokens.csv",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-account-key-file=accounts.pub",
        "--service-account-signing-key-file=accounts.key",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged",
        // Keeps the pods of a namespace on the fake nodes of its test.
        "--enable-admission-plugins=PodNodeSelector",
        "--audit-policy-file=audit-policy.yaml",
        "--audit-log-maxsize=10000",
        // Tests hold thousands of objects, and must not measure this server's rate limits.
        "--max-requests-inflight=2000",
        "--max-mutating-requests-inflight=1000",
        "--delete-collection-workers=10",
    ]);
    command.arg(format!("--secure-port={port}"));
    command.arg(format!("--audit-log-path={}", folder.join(AUDIT_LOG).display()));
    command.arg(format!("--etcd-servers=unix://{}", folder.join(CLIENTS).display()));
    start(API_SERVER, &command, folder)
}

/// Starts the controllers; the API server must be running.
pub(super) fn controller_manager(folder: &Path) -> Result<OwnedProcess, Error> {
    let mut command = Command::new(CONTROLLER_MANAGER);
    command.current_dir(folder).args([
        "--secure-port=0",
        "--leader-elect=false",
        "--use-service-account-credentials",
        "--root-ca-file=ca.pem",
        "--service-account-private-key-file=accounts.key",
        // Limits of each controller; the first is 20 by default, and a test starts 500 Jobs.
        "--kube-api-qps=1000",
        "--kube-api-burst=1000",
        "--concurrent-job-syncs=20",
    ]);
    command.arg(format!("--kubeconfig={}", User::ControllerManager.kubeconfig()));
    let without: String = WITHOUT.iter().map(|name| format!(",-{name}")).collect();
    command.arg(format!("--controllers=*{without}"));
    start(CONTROLLER_MANAGER, &command, folder)
}

/// Starts the scheduler; the API server must be running.
pub(super) fn scheduler(folder: &Path) -> Result<OwnedProcess, Error> {
    let mut command = Command::new(SCHEDULER);
    command.current_dir(folder).args(["--secure-port=0", "--config=scheduler.yaml"]);
    start(SCHEDULER, &command, folder)
}

fn start(program: &'static str, command: &Command, folder: &Path) -> Result<OwnedProcess, Error> {
    OwnedProcess::start_logged(command, &log(program, folder))
        .map_err(|source| Error::Run { program, source })
}

fn log(program: &str, folder: &Path) -> std::path::PathBuf {
    folder.join(format!("{program}.log"))
}

/// Fails if the program has exited, with the last lines of its log.
pub(super) fn check(program: &'static str, process: &OwnedProcess, folder: &Path) -> Result<(), Error> {
    if process.runs() {
        return Ok(());
    }
    let log = std::fs::read(log(program, folder))?;
    let log = String::from_utf8_lossy(&log[log.len().saturating_sub(4000)..]).into_owned();
    Err(Error::Ended { program, log })
}
