//! Access of tests to the API server: clients, kubectl, kubeconfigs.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};

use super::credentials::{self, User};
use super::error::Error;
use super::folder::Folder;
use super::port::Port;
use super::wait_for;

const KUBECTL: &str = "kubectl";

/// Lifetime of a service account's token: longer than any test.
const TOKEN_SECONDS: i64 = 24 * 60 * 60;

/// Client with the credentials of `kubeconfig`, for the current runtime.
///
/// # Errors
/// The file is not a valid kubeconfig.
pub async fn client(kubeconfig: &Path) -> Result<Client, Error> {
    Ok(Client::try_from(config(kubeconfig).await?)?)
}

/// Same as [`client`], with `namespace` as the default namespace.
pub(super) async fn client_in(namespace: &str, kubeconfig: &Path) -> Result<Client, Error> {
    let mut config = config(kubeconfig).await?;
    namespace.clone_into(&mut config.default_namespace);
    Ok(Client::try_from(config)?)
}

async fn config(kubeconfig: &Path) -> Result<Config, Error> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    Ok(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?)
}

/// Address and credentials of a control plane. Namespaces and nodes share it with their control plane.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) folder: Folder,
    pub(super) port: Port,
    /// Number of kubeconfigs written for service accounts so far.
    accounts: AtomicUsize,
}

impl Access {
    /// Creates the files of a control plane before it is started.
    pub(super) fn new() -> Result<Self, Error> {
        let access = Self { folder: Folder::new()?, port: Port::hold()?, accounts: AtomicUsize::new(0) };
        credentials::write(access.folder.path(), &access.server())?;
        Ok(access)
    }

    pub(super) fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.port.number())
    }

    pub(super) fn kubeconfig(&self, user: User) -> PathBuf {
        self.folder.path().join(user.kubeconfig())
    }

    pub(super) fn kubectl(&self, arguments: &[&str], input: &str) -> Result<String, Error> {
        let run = |source| Error::Run { program: KUBECTL, source };
        let mut child = Command::new(KUBECTL)
            .arg("--kubeconfig")
            .arg(self.kubeconfig(User::Admin))
            .arg("--cache-dir")
            .arg(self.folder.path().join("kubectl"))
            .args(arguments)
            .env("KUBERC", "off")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(run)?;
        if let Some(mut stdin) = child.stdin.take() {
            // kubectl may exit without reading its input.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().map_err(run)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::Kubectl { arguments: arguments.join(" "), message })
    }

    pub(super) fn token_for(&self, namespace: &str, account: &str) -> Result<PathBuf, Error> {
        let token = wait_for(async {
            let accounts: Api<ServiceAccount> =
                Api::namespaced(client(&self.kubeconfig(User::Admin)).await?, namespace);
            let request = TokenRequest {
                spec: TokenRequestSpec { expiration_seconds: Some(TOKEN_SECONDS), ..Default::default() },
                ..Default::default()
            };
            let answer = accounts.create_token_request(account, &PostParams::default(), &request).await?;
            Ok::<_, Error>(answer.status.map(|status| status.token).unwrap_or_default())
        })??;
        let number = self.accounts.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.path().join(format!("account-{number}.kubeconfig"));
        credentials::write_kubeconfig(&path, self.folder.path(), &self.server(), &token, namespace)?;
        Ok(path)
    }
}
