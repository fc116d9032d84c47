//! Lifecycle of a control plane, and access to it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::{Request, Uri};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{Api, Client};
use tokio::time::{sleep, timeout};

use super::access::{Access, client};
use super::audit;
use super::credentials::User;
use super::error::Error;
use super::namespace::Namespace;
use super::{programs, wait_for};
use crate::process::OwnedProcess;

/// Longest time for a program to become ready. All of them take a few seconds, but many more on a machine
/// that compiles at the same time.
const READY: Duration = Duration::from_secs(120);
/// Interval between two readiness checks.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Longest time for one response: a server that is starting may never answer a request.
const ANSWER: Duration = Duration::from_secs(5);

/// Control plane owned by one test. Dropping it stops its programs and deletes its data.
#[derive(Debug)]
pub struct ControlPlane {
    // In the order in which they stop, so that none waits for one that has gone.
    servers: Mutex<Option<Servers>>,
    etcd: OwnedProcess,
    access: Arc<Access>,
}

/// The API server, and its clients, which stop with it: real ones exit when they cannot renew their leases.
/// If they kept running, they would retry ever less often, and find it up to a minute after it is back.
#[derive(Debug)]
struct Servers {
    scheduler: OwnedProcess,
    controller_manager: OwnedProcess,
    api_server: OwnedProcess,
}

impl ControlPlane {
    /// Starts a control plane, and waits until the controllers work.
    ///
    /// # Errors
    /// The control plane cannot be started, most often because its programs are not installed.
    pub fn start() -> Result<Self, Error> {
        let access = Arc::new(Access::new()?);
        let folder = access.folder.path();
        let etcd = programs::etcd(folder)?;
        let servers = Servers::start(&access)?;
        Ok(Self { servers: Mutex::new(Some(servers)), etcd, access })
    }

    /// Stops the API server as a crash would: open connections are cut, new ones are refused. The controllers
    /// and the scheduler stop too.
    pub fn stop_api_server(&self) {
        self.servers().take();
    }

    /// Starts the API server again on the same port, with the controllers and the scheduler. Waits until it
    /// is ready. Does nothing if it is running.
    ///
    /// # Errors
    /// The API server does not start.
    pub fn start_api_server(&self) -> Result<(), Error> {
        let mut servers = self.servers();
        if servers.is_none() {
            *servers = Some(Servers::start(&self.access)?);
        }
        Ok(())
    }

    fn servers(&self) -> MutexGuard<'_, Option<Servers>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates a namespace with a name that starts with `prefix`.
    ///
    /// # Errors
    /// The API server rejects the request.
    pub fn namespace(&self, prefix: &str) -> Result<Namespace, Error> {
        Namespace::create(Arc::clone(&self.access), prefix)
    }

    /// Address of the API server: `https://127.0.0.1:PORT`.
    pub fn server(&self) -> String {
        self.access.server()
    }

    /// Kubeconfig of the admin, who has every permission. The user in the [audit log](Self::audit) is
    /// `admin`.
    pub fn kubeconfig(&self) -> PathBuf {
        self.access.kubeconfig(User::Admin)
    }

    /// Client of the admin, for the current runtime.
    ///
    /// # Errors
    /// None in practice: a client connects when it is first used.
    pub async fn client(&self) -> Result<Client, Error> {
        client(&self.kubeconfig()).await
    }

    /// Runs kubectl as the admin, and returns its output.
    ///
    /// # Errors
    /// kubectl fails; the error holds its message.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        self.access.kubectl(arguments, "")
    }

    /// Applies objects as the admin, with server-side apply.
    ///
    /// # Errors
    /// The API server rejects the objects.
    pub fn apply(&self, yaml: &str) -> Result<String, Error> {
        self.access.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", "-"], yaml)
    }

    /// Kubeconfig of an existing service account; its namespace is the default one. The user in the [audit
    /// log](Self::audit) is `system:serviceaccount:NAMESPACE:NAME`.
    ///
    /// # Errors
    /// The API server issues no token.
    pub fn token_for(&self, namespace: &str, account: &str) -> Result<PathBuf, Error> {
        self.access.token_for(namespace, account)
    }

    /// All requests answered so far, in the order of the responses; a watch counts as answered when it
    /// starts. A request may appear here a moment after its response.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn audit(&self) -> Result<Vec<audit::Request>, Error> {
        audit::read(&self.access.folder.path().join(programs::AUDIT_LOG))
    }

    /// Names and process ids of the running programs.
    pub fn processes(&self) -> Vec<(&'static str, u32)> {
        let mut processes = vec![(programs::ETCD, self.etcd.id())];
        if let Some(servers) = self.servers().as_ref() {
            processes.push((programs::API_SERVER, servers.api_server.id()));
            processes.push((programs::CONTROLLER_MANAGER, servers.controller_manager.id()));
            processes.push((programs::SCHEDULER, servers.scheduler.id()));
        }
        processes
    }

    /// Folder of the programs' files: their logs, the audit log, certificates and kubeconfigs.
    pub fn folder(&self) -> PathBuf {
        self.access.folder.path().to_owned()
    }
}

impl Servers {
    fn start(access: &Access) -> Result<Self, Error> {
        let folder = access.folder.path();
        let api_server = start_api_server(access)?;
        let controller_manager = programs::controller_manager(folder)?;
        let servers = Self { scheduler: programs::scheduler(folder)?, controller_manager, api_server };
        servers.await_controllers(access)?;
        Ok(servers)
    }

    /// Waits until the controllers have created the first service account.
    fn await_controllers(&self, access: &Access) -> Result<(), Error> {
        let folder = access.folder.path();
        wait_for(async {
            let client = client(&access.kubeconfig(User::Admin)).await?;
            let accounts: Api<ServiceAccount> = Api::namespaced(client, "default");
            let mut deadline = Deadline::new("the first service account");
            loop {
                programs::check(programs::CONTROLLER_MANAGER, &self.controller_manager, folder)?;
                programs::check(programs::SCHEDULER, &self.scheduler, folder)?;
                match accounts.get_opt("default").await? {
                    Some(_) => return Ok(()),
                    None => deadline.ask_again("there is none").await?,
                }
            }
        })?
    }
}

/// Starts the API server, and waits until it is ready.
fn start_api_server(access: &Access) -> Result<OwnedProcess, Error> {
    let folder = access.folder.path();
    let process = programs::api_server(folder, access.port.number())?;
    wait_for(async {
        let client = client(&access.kubeconfig(User::Admin)).await?;
        let mut deadline = Deadline::new("the API server");
        loop {
            programs::check(programs::API_SERVER, &process, folder)?;
            // Ready once all of its parts have started; a failure names those that have not.
            let mut request = Request::new(Vec::new());
            *request.uri_mut() = Uri::from_static("/readyz");
            match timeout(ANSWER, client.request_text(request)).await {
                Ok(Ok(_)) => return Ok::<_, Error>(()),
                Ok(Err(error)) => deadline.ask_again(&error.to_string()).await?,
                Err(error) => deadline.ask_again(&error.to_string()).await?,
            }
        }
    })??;
    Ok(process)
}

/// Deadline of a wait, with the name of the awaited state.
struct Deadline {
    what: &'static str,
    begun: Instant,
}

impl Deadline {
    fn new(what: &'static str) -> Self {
        Self { what, begun: Instant::now() }
    }

    async fn ask_again(&mut self, seen: &str) -> Result<(), Error> {
        if self.begun.elapsed() > READY {
            return Err(Error::Timeout { what: self.what.to_owned(), within: READY, last: seen.to_owned() });
        }
        sleep(POLL_INTERVAL).await;
        Ok(())
    }
}
