//! A namespace for one test.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace as Object, ServiceAccount};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::access::{Access, client, client_in};
use super::credentials::User;
use super::error::Error;
use super::{random, wait_for, within};

/// Longest time for a namespace to have its service account. It takes milliseconds.
const READY: Duration = Duration::from_secs(60);
/// Interval between two checks for the service account.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Longest time for the deletion request: a drop must not hang if the API server is stopped.
const DELETE: Duration = Duration::from_secs(10);

/// Label of the nodes that belong to a namespace; its value is the namespace's name.
pub(super) const NODE_LABEL: &str = "verbatim.test/namespace";

/// Namespace whose pods run only on its own [fake nodes](super::FakeNode). Dropping it deletes it.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    pub(super) access: Arc<Access>,
}

impl Namespace {
    pub(super) fn create(access: Arc<Access>, prefix: &str) -> Result<Self, Error> {
        let name = format!("{prefix}-{:08x}", random()? >> 32);
        wait_for(create(&access, &name))??;
        Ok(Self { name, access })
    }

    /// Name of the namespace.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Client of the admin for the current runtime, with this as the default namespace.
    ///
    /// # Errors
    /// None in practice: a client connects when it is first used.
    pub async fn client(&self) -> Result<Client, Error> {
        client_in(&self.name, &self.access.kubeconfig(User::Admin)).await
    }

    /// Runs kubectl as the admin in this namespace, and returns its output.
    ///
    /// # Errors
    /// kubectl fails; the error holds its message.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        self.access.kubectl(&[&["--namespace", &self.name], arguments].concat(), "")
    }

    /// Applies objects to this namespace as the admin, with server-side apply.
    ///
    /// # Errors
    /// The API server rejects the objects.
    pub fn apply(&self, yaml: &str) -> Result<String, Error> {
        let arguments = ["--namespace", &self.name, "apply", "--server-side", "--force-conflicts", "-f", "-"];
        self.access.kubectl(&arguments, yaml)
    }

    /// Kubeconfig of a service account: see [`ControlPlane::token_for`](super::ControlPlane::token_for).
    ///
    /// # Errors
    /// The API server issues no token.
    pub fn token_for(&self, account: &str) -> Result<std::path::PathBuf, Error> {
        self.access.token_for(&self.name, account)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = wait_for(within(DELETE, async {
            let namespaces: Api<Object> = Api::all(client(&self.access.kubeconfig(User::Admin)).await?);
            namespaces.delete(&self.name, &DeleteParams::default()).await?;
            Ok::<_, Error>(())
        }));
    }
}

/// Creates the namespace, and waits for its service account: without one, no pod can be created in it.
async fn create(access: &Access, name: &str) -> Result<(), Error> {
    let client = client(&access.kubeconfig(User::Admin)).await?;
    let selector = format!("{NODE_LABEL}={name}");
    let object: Object = serde_json::from_value(json!({
        "metadata": { "name": name, "annotations": { "scheduler.alpha.kubernetes.io/node-selector": selector } },
    }))?;
    Api::all(client.clone()).create(&PostParams::default(), &object).await?;
    let accounts: Api<ServiceAccount> = Api::namespaced(client, name);
    let begun = Instant::now();
    while accounts.get_opt("default").await?.is_none() {
        if begun.elapsed() > READY {
            let what = format!("the service account of namespace {name}");
            return Err(Error::Timeout { what, within: READY, last: "there is none".into() });
        }
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}
