//! Credentials by which a control plane's programs and their clients know each other: certificates, keys and
//! tokens.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::json;

use super::error::Error;
use super::random;

/// User with a static token.
#[derive(Clone, Copy, Debug)]
pub(super) enum User {
    /// The tests themselves, with every permission.
    Admin,
    /// [`FakeNode`](super::FakeNode), also with every permission, under its own name in the audit log.
    Node,
    /// The controllers; most of them use service accounts.
    ControllerManager,
    /// The scheduler.
    Scheduler,
}

impl User {
    const ALL: [Self; 4] = [Self::Admin, Self::Node, Self::ControllerManager, Self::Scheduler];

    fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Node => "fake-node",
            Self::ControllerManager => "system:kube-controller-manager",
            Self::Scheduler => "system:kube-scheduler",
        }
    }

    fn group(self) -> &'static str {
        match self {
            Self::Admin | Self::Node => "system:masters",
            Self::ControllerManager | Self::Scheduler => "system:authenticated",
        }
    }

    /// File name of the user's kubeconfig.
    pub(super) fn kubeconfig(self) -> &'static str {
        match self {
            Self::Admin => "admin.kubeconfig",
            Self::Node => "node.kubeconfig",
            Self::ControllerManager => "controller-manager.kubeconfig",
            Self::Scheduler => "scheduler.kubeconfig",
        }
    }
}

/// Writes all credentials into `folder`, for an API server at `server`.
pub(super) fn write(folder: &Path, server: &str) -> Result<(), Error> {
    write_certificates(folder)?;
    let mut tokens = String::new();
    for user in User::ALL {
        let token = format!("{:016x}{:016x}", random()?, random()?);
        tokens += &format!("{token},{0},{0},{1}\n", user.name(), user.group());
        write_kubeconfig(&folder.join(user.kubeconfig()), folder, server, &token, "default")?;
    }
    std::fs::write(folder.join("tokens.csv"), tokens)?;
    std::fs::write(folder.join("audit-policy.yaml"), audit_policy().to_string())?;
    std::fs::write(folder.join("scheduler.yaml"), scheduler(folder).to_string())?;
    Ok(())
}

/// Writes a kubeconfig. It is YAML, of which JSON is a subset.
pub(super) fn write_kubeconfig(
    path: &Path,
    folder: &Path,
    server: &str,
    token: &str,
    namespace: &str,
) -> Result<(), Error> {
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": "verbatim",
            "cluster": { "server": server, "certificate-authority": folder.join("ca.pem") },
        }],
        "users": [{ "name": "user", "user": { "token": token } }],
        "contexts": [{
            "name": "verbatim",
            "context": { "cluster": "verbatim", "user": "user", "namespace": namespace },
        }],
        "current-context": "verbatim",
    });
    Ok(std::fs::write(path, kubeconfig.to_string())?)
}

fn write_certificates(folder: &Path) -> Result<(), Error> {
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "verbatim tests");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let ca_key = KeyPair::generate()?;
    std::fs::write(folder.join("ca.pem"), ca.self_signed(&ca_key)?.pem())?;

    let mut server =
        CertificateParams::new(["127.0.0.1", "localhost", "kubernetes.default.svc"].map(String::from))?;
    server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    let server_key = KeyPair::generate()?;
    let certificate = server.signed_by(&server_key, &Issuer::new(ca, ca_key))?;
    std::fs::write(folder.join("server.pem"), certificate.pem())?;
    std::fs::write(folder.join("server.key"), server_key.serialize_pem())?;

    let accounts = KeyPair::generate()?;
    std::fs::write(folder.join("accounts.pub"), accounts.public_key_pem())?;
    std::fs::write(folder.join("accounts.key"), accounts.serialize_pem())?;
    Ok(())
}

/// Logs the metadata of all requests and their responses, except health checks.
fn audit_policy() -> serde_json::Value {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            { "level": "None", "nonResourceURLs": ["/readyz*", "/livez*", "/healthz*"] },
            { "level": "Metadata" },
        ],
    })
}

/// Tests wait for the scheduler, so its request rate is high, and it retries an unschedulable pod every
/// second.
fn scheduler(folder: &Path) -> serde_json::Value {
    json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": { "kubeconfig": folder.join(User::Scheduler.kubeconfig()), "qps": 1000, "burst": 1000 },
        "leaderElection": { "leaderElect": false },
        "podInitialBackoffSeconds": 1,
        "podMaxBackoffSeconds": 1,
    })
}
