//! What every reconcile shares.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use verbatim_crds::TranscriptionJob;
use verbatim_trace::Traces;

use crate::decide;
use crate::error::Error;
use crate::leader::Leadership;
use crate::metrics::Metrics;
use crate::observe::scrape::Scraper;
use crate::settings::Settings;
use crate::watch::Stores;

/// What every reconcile shares.
pub struct Context {
    /// The API server's client.
    pub client: Client,
    /// What the operator was told.
    pub settings: Settings,
    /// What the watches keep.
    pub stores: Stores,
    /// Asks workers.
    pub scraper: Scraper,
    /// Whether this replica may write.
    pub leadership: Leadership,
    /// The operator's figures.
    pub metrics: Arc<Metrics>,
    /// Where spans go.
    pub traces: Traces,
    /// This replica, in events.
    pub instance: String,
    /// What is carried from look to look, by the job's uid.
    pub memories: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Memory>>>>,
    begun: Instant,
}

/// What is carried from look to look of one job.
#[derive(Debug, Default)]
pub struct Memory {
    /// The decisions'.
    pub decide: decide::Memory,
    /// Engines replaced, by worker.
    pub recycles: crate::status::recycles::Tally,
    /// What was written last.
    pub written: crate::written::Written,
    /// Digest of the configuration that was applied last.
    pub config: Option<String>,
    /// Failed reconciles in a row.
    pub errors: u32,
    /// The refusal that was told last, until a reconcile succeeds.
    pub refused: Option<String>,
    /// When failed files were told last, and how many there were.
    pub told: Option<(Duration, i64)>,
}

impl Context {
    /// Without memories.
    pub fn new(
        client: Client,
        settings: Settings,
        stores: Stores,
        leadership: Leadership,
        metrics: Arc<Metrics>,
        traces: Traces,
        instance: String,
    ) -> Self {
        let scraper = Scraper::new(settings.scrape_timeout());
        let (memories, begun) = (Mutex::default(), Instant::now());
        Self { client, settings, stores, scraper, leadership, metrics, traces, instance, memories, begun }
    }

    /// When it is.
    pub fn now(&self) -> decide::Now {
        decide::Now { wall: Timestamp::now(), steady: self.begun.elapsed() }
    }

    /// The API of a kind in the job's namespace.
    ///
    /// # Errors
    /// [`Error::Nameless`].
    pub fn namespaced<K>(&self, job: &TranscriptionJob) -> Result<Api<K>, Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        let namespace = job.namespace().ok_or(Error::Nameless("namespace"))?;
        Ok(Api::namespaced(self.client.clone(), &namespace))
    }

    /// Refuses where another replica may lead.
    ///
    /// # Errors
    /// [`Error::NotLeader`].
    pub fn may_write(&self) -> Result<(), Error> {
        if self.leadership.holds() { Ok(()) } else { Err(Error::NotLeader) }
    }

    /// A job's memory.
    pub fn memory(&self, uid: &str) -> Arc<tokio::sync::Mutex<Memory>> {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(memories.entry(uid.to_owned()).or_default())
    }

    /// Forgets a job.
    pub fn forget(&self, uid: &str) {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}
