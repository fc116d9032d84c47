//! The program: waits for the lease, then runs the controllers until a signal or the loss of the lease.
//!
//! It is part of the library, so that its generic code is compiled once and not again for the binary.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Parser;
use kube::Client;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use verbatim_text::error_chain;
use verbatim_trace::Traces;

use crate::context::Context;
use crate::http::{self, State};
use crate::leader::{Elector, Leadership};
use crate::settings::Settings;
use crate::watch::Stores;
use crate::{controller, identity, logs, traces};

/// Time for running reconciles to end after a signal: their longest request.
const SHUTDOWN: Duration = Duration::from_secs(20);

/// Runs the operator with the settings of the command line, to its exit code.
#[tokio::main(worker_threads = 2)]
pub async fn main() -> ExitCode {
    let mut settings = Settings::parse();
    settings.traces = verbatim_trace::TraceSettings::from_environment();
    logs::init();
    match run(settings).await {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn client() -> Result<Client, String> {
    let mut config = kube::Config::infer().await.map_err(|error| {
        format!("failed to find the API server: {}; run in a pod, or set KUBECONFIG", error_chain(&error))
    })?;
    // kube's own retries last minutes: up to 15, with delays that double up to 1000 s. The reconcile of a job
    // whose eviction a disruption budget forbids (429) would block that long, and a write could happen after
    // the lease was lost. The controller retries every failed step with a fresh observation.
    config.default_retry = false;
    Client::try_from(config)
        .map_err(|error| format!("failed to create a client of the API server: {}", error_chain(&error)))
}

async fn run(settings: Settings) -> Result<ExitCode, String> {
    // The process chooses the cryptography of rustls; only a second choice fails.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = client().await?;
    let state = State::default();
    http::serve(&settings.http, state.clone())
        .await
        .map_err(|error| format!("failed to listen on {}: {error}", settings.http))?;
    // A replica that cannot reach the API server is not ready, and keeps trying.
    while let Err(error) = client.apiserver_version().await {
        tracing::warn!("failed to reach the API server: {}", error_chain(&error));
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    state.ready.store(true, Ordering::Relaxed);

    let mut terminated = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let signalled = async move {
        tokio::select! { _ = terminated.recv() => {}, _ = interrupted.recv() => {} }
    };
    let (stop, stopped) = watch::channel(false);
    let instance = settings.instance.clone().unwrap_or_else(identity::name);
    let mut elector = (!settings.no_leader_election).then(|| {
        let duration = Duration::from_secs(settings.lease_seconds.into());
        Elector::new(client.clone(), &settings.lease_namespace, &settings.lease_name, &instance, duration)
    });
    let mut signalled = Box::pin(signalled);
    let leadership = match &mut elector {
        None => Leadership::alone(),
        Some(elector) => {
            tracing::info!(instance, lease = settings.lease_name, "waiting for the lease");
            tokio::select! {
                () = elector.acquire() => {}
                () = &mut signalled => return Ok(ExitCode::SUCCESS),
            }
            elector.leadership()
        }
    };
    tracing::info!(instance, "leading");
    state.metrics.leads(true);

    let mut stores = Stores::default();
    let namespaces: Vec<Option<String>> = match settings.namespaces.as_slice() {
        [] => vec![None],
        named => named.iter().cloned().map(Some).collect(),
    };
    let triggers: Vec<_> =
        namespaces.iter().map(|namespace| stores.watch(&client, namespace.as_deref())).collect();
    let exporter = Traces::start(&settings.traces, traces::service(&instance, &settings.lease_namespace));
    let metrics = Arc::clone(&state.metrics);
    let context = Context::new(client, settings, stores, leadership, metrics, exporter.clone(), instance);
    let context = Arc::new(context);
    let controllers = namespaces.into_iter().zip(triggers).map(|(namespace, triggers)| {
        let mut stopped = stopped.clone();
        let stopped = async move {
            // The sender lives as long as this function.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        controller::run(Arc::clone(&context), namespace, triggers, stopped)
    });
    let mut controllers = Box::pin(futures::future::join_all(controllers));
    let lost = async {
        match &mut elector {
            None => std::future::pending().await,
            Some(elector) => elector.keep().await,
        }
    };
    let code = tokio::select! {
        _ = &mut controllers => return Err("the watches ended".to_owned()),
        () = lost => {
            tracing::error!("lost the lease: another replica leads");
            ExitCode::FAILURE
        }
        () = &mut signalled => {
            tracing::info!("shutting down");
            ExitCode::SUCCESS
        }
    };
    stop.send_replace(true);
    if code == ExitCode::SUCCESS {
        let _ = tokio::time::timeout(SHUTDOWN, controllers).await;
        if let Some(elector) = &mut elector {
            elector.release().await;
        }
    }
    // Waits for the collector for a bounded time.
    let _ = tokio::task::spawn_blocking(move || exporter.shutdown()).await;
    Ok(code)
}
