//! A job, from its manifest to a worker that is ready to run.

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

/// A job whose stores are open.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Its spec, with names as the stores have them.
    pub spec: TranscriptionJobSpec,
    /// Its stores.
    pub stores: Stores,
    /// Its ledger.
    pub ledger: Ledger,
    /// Who we are.
    pub identity: Identity,
}

/// Why a job cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// It has no stores.
    #[error(transparent)]
    Stores(#[from] StoresError),
    /// A store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Conditional writes do not work.
    #[error(
        "{place} does not keep the conditions of writes ({why}), so that workers could not tell what is done: use \
         another store, or set storage.allowDuplicateWork: true, which may transcribe recordings twice"
    )]
    ConditionalWrites {
        /// The destination.
        place: String,
        /// What was seen.
        why: String,
    },
    /// The ledger cannot be read.
    #[error(transparent)]
    Worker(#[from] WorkerError),
}

impl BatchError {
    /// Whether it is the configuration that is wrong: another try would end the same.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Stores(StoresError::Store(error)) => error.kind.is_configuration(),
            Self::Stores(_) | Self::ConditionalWrites { .. } => true,
            Self::Store(error) => error.kind.is_configuration() || error.is_not_found(),
            Self::Worker(error) => error.is_configuration(),
        }
    }

    /// What is wrong, as the operator knows it.
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

/// Why there is no plan, as the operator knows it.
fn plan_cause(error: &PlanError) -> Cause {
    match error {
        // The list that the job names is not there, though the store is.
        PlanError::Manifest { source, .. } if source.is_not_found() => Cause::InvalidSpec,
        PlanError::TemporaryFile(_) | PlanError::Version { .. } | PlanError::Damaged { .. } => {
            Cause::Internal
        }
        _ if error.store().is_some() => Cause::StorageUnavailable,
        _ => Cause::InvalidSpec,
    }
}

/// What a worker adds to a job's settings.
#[derive(Clone, Debug)]
pub struct Local {
    /// Whether to stay until every shard is done.
    pub stay: bool,
    /// A claim that is not renewed for so long is taken over.
    pub lease: Duration,
    /// Folder for recordings that are fetched.
    pub spool: PathBuf,
}

impl Batch {
    /// Opens a job's stores; asks nothing of them that costs. `base` is the manifest's folder.
    ///
    /// # Errors
    /// [`BatchError::Stores`].
    pub async fn open(
        job: &TranscriptionJob,
        base: &Path,
        requests: Arc<dyn RequestObserver>,
        lease: Duration,
    ) -> Result<Self, BatchError> {
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

    /// The job's report, if it is over.
    ///
    /// # Errors
    /// The store's.
    pub async fn report(&self) -> Result<Option<Report>, BatchError> {
        Ok(worker::read_report(&self.ledger).await?)
    }

    /// Finds out whether the source can be read and the destination keeps conditions. A destination that does not is made
    /// bearable where the job allows it; gives what was seen then.
    ///
    /// # Errors
    /// [`BatchError`].
    pub async fn probe(&mut self) -> Result<Option<String>, BatchError> {
        let source = &self.stores.source;
        source.store.list(&source.prefix, None, 1).await?;
        let verdict = probe::probe(&self.ledger, &self.identity.owner).await?;
        let ProbeResult::Unsupported(why) = verdict else { return Ok(None) };
        let place = self.stores.destination.address();
        if !self.spec.storage.allow_duplicate_work {
            return Err(BatchError::ConditionalWrites { place, why });
        }
        for place in [&mut self.stores.destination, &mut self.stores.ledger] {
            place.store = Arc::new(CheckThenWriteStore::new(Arc::clone(&place.store)));
        }
        self.ledger = Ledger::new(self.stores.ledger.clone(), self.ledger.uid());
        Ok(Some(why))
    }

    /// The settings of a worker. `digest` is that of model and settings.
    pub fn settings(&self, local: &Local, digest: String) -> Settings {
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
