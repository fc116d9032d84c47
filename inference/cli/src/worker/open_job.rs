//! Opens a job: from its manifest to stores, ledger and worker settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use verbatim_crds::contract::messages::Cause;
use verbatim_crds::{TranscriptionJob, TranscriptionJobSpec};
use verbatim_ledger::job_uid::job_uid;
use verbatim_ledger::keys::Ledger;
use verbatim_ledger::plan::PlanError;
use verbatim_ledger::probe::{self, ProbeResult};
use verbatim_ledger::report::Report;
use verbatim_ledger::worker::settings::{DEFAULT_MAX_OUTAGE, DEFAULT_SPOOL_BYTES, DEFAULT_SPOOL_FILES};
use verbatim_ledger::worker::{self, Settings, WorkerError};
use verbatim_store::check_then_write::CheckThenWriteStore;
use verbatim_store::{RequestObserver, StoreError};

use super::identity::Identity;
use super::stores::{self, Stores, StoresError};
use crate::error::CommandError;

/// A job with open stores.
#[derive(Clone, Debug)]
pub struct OpenJob {
    /// The spec, with names as the stores have them.
    pub spec: TranscriptionJobSpec,
    /// The stores.
    pub stores: Stores,
    /// The ledger.
    pub ledger: Ledger,
    /// Identity of this worker.
    pub identity: Identity,
}

/// Why a job cannot be opened or worked on.
#[derive(Debug, thiserror::Error)]
pub enum OpenJobError {
    /// A store is not given or invalid.
    #[error(transparent)]
    Stores(#[from] StoresError),
    /// A request to a store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The destination ignores conditional writes.
    #[error(
        "{place} does not support conditional writes ({why}), which workers need to share a job: use another store, \
         or set storage.allowDuplicateWork: true, with which recordings may be transcribed twice"
    )]
    ConditionalWrites {
        /// The destination.
        place: String,
        /// Observed behaviour of the store.
        why: String,
    },
    /// The worker or its ledger failed.
    #[error(transparent)]
    Worker(#[from] WorkerError),
}

impl OpenJobError {
    /// Whether the configuration is wrong, so that another try would fail as well.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Stores(StoresError::Store(error)) => error.kind.is_configuration(),
            Self::Stores(_) | Self::ConditionalWrites { .. } => true,
            Self::Store(error) => error.kind.is_configuration() || error.is_not_found(),
            Self::Worker(error) => error.is_configuration(),
        }
    }

    /// Cause, as the operator knows it.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Stores(StoresError::Store(_) | StoresError::Source { .. }) | Self::Store(_) => {
                Cause::StorageUnavailable
            }
            Self::Stores(StoresError::Path(_) | StoresError::NoPlace(_)) => Cause::InvalidSpec,
            Self::ConditionalWrites { .. } => Cause::ConditionalWritesUnsupported,
            Self::Worker(WorkerError::Store(_)) => Cause::StorageUnavailable,
            Self::Worker(WorkerError::Plan(error)) => plan_cause(error),
            Self::Worker(_) => Cause::Internal,
        }
    }
}

impl From<OpenJobError> for CommandError {
    fn from(error: OpenJobError) -> Self {
        if error.is_configuration() { Self::configuration(&error) } else { Self::failed(&error) }
    }
}

/// Cause of a missing plan, as the operator knows it.
fn plan_cause(error: &PlanError) -> Cause {
    match error {
        // The store works, but the list that the job names does not exist.
        PlanError::Manifest { source, .. } if source.is_not_found() => Cause::InvalidSpec,
        PlanError::TemporaryFile(_) | PlanError::Version { .. } | PlanError::Damaged { .. } => {
            Cause::Internal
        }
        _ if error.store().is_some() => Cause::StorageUnavailable,
        _ => Cause::InvalidSpec,
    }
}

/// Settings of one worker, beside those of the job.
#[derive(Clone, Debug)]
pub struct LocalSettings {
    /// Whether to stay until every shard is done.
    pub stay: bool,
    /// Lease of a claim: other workers take over a claim that is not renewed in this time.
    pub lease: Duration,
    /// Folder for downloaded recordings.
    pub spool: PathBuf,
}

impl OpenJob {
    /// Opens the stores of a job, without requests that cost anything. `base` is the manifest's folder.
    ///
    /// # Errors
    /// [`OpenJobError::Stores`].
    pub async fn open(
        job: &TranscriptionJob,
        base: &Path,
        requests: Arc<dyn RequestObserver>,
        lease: Duration,
    ) -> Result<Self, OpenJobError> {
        let stores = stores::open(&job.spec, base, requests, lease).await?;
        let mut spec = job.spec.clone();
        if let (Some(list), Some(key)) = (&mut spec.source.manifest, &stores.list) {
            list.key.clone_from(key);
        } else if let Some(only) = &stores.only {
            spec.source.keys = Some(vec![only.clone()]);
        }
        let ledger = Ledger::new(stores.ledger.clone(), job_uid(job));
        Ok(Self { spec, stores, ledger, identity: Identity::new() })
    }

    /// The job's report; none before the job is complete.
    ///
    /// # Errors
    /// The store's.
    pub async fn report(&self) -> Result<Option<Report>, OpenJobError> {
        Ok(worker::read_report(&self.ledger).await?)
    }

    /// Tests whether the source can be read and the destination supports conditional writes. For a
    /// destination without them, falls back to check-then-write if the job allows it, and returns the
    /// observation.
    ///
    /// # Errors
    /// [`OpenJobError`].
    pub async fn probe(&mut self) -> Result<Option<String>, OpenJobError> {
        let source = &self.stores.source;
        source.store.list(&source.prefix, None, 1).await?;
        let verdict = probe::probe(&self.ledger, &self.identity.owner).await?;
        let ProbeResult::Unsupported(why) = verdict else { return Ok(None) };
        let place = self.stores.destination.address();
        if !self.spec.storage.allow_duplicate_work {
            return Err(OpenJobError::ConditionalWrites { place, why });
        }
        for place in [&mut self.stores.destination, &mut self.stores.ledger] {
            place.store = Arc::new(CheckThenWriteStore::new(Arc::clone(&place.store)));
        }
        self.ledger = Ledger::new(self.stores.ledger.clone(), self.ledger.uid());
        Ok(Some(why))
    }

    /// Settings of the worker. `digest` identifies model and settings.
    pub fn settings(&self, local: &LocalSettings, digest: String) -> Settings {
        Settings {
            owner: self.identity.owner.clone(),
            worker: self.identity.worker.clone(),
            lease: local.lease,
            max_attempts: self.spec.failure_policy.max_attempts_per_file,
            stay: local.stay,
            formats: self.spec.destination.formats.clone(),
            overwrite: self.spec.destination.overwrite,
            digest,
            spool: local.spool.clone(),
            spool_files: DEFAULT_SPOOL_FILES,
            spool_bytes: DEFAULT_SPOOL_BYTES,
            max_outage: DEFAULT_MAX_OUTAGE,
        }
    }
}
