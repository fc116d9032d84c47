//! The stores of a job: buckets or folders, with retries, time limits and counting around them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use verbatim_crds::TranscriptionJobSpec;
use verbatim_crds::destination::Layout;
use verbatim_crds::path::PathError;
use verbatim_crds::storage::{Encryption, RequestChecksum, Storage};
use verbatim_ledger::store_location::StoreLocation;
use verbatim_ledger::worker::settings::DEFAULT_MAX_OUTAGE;
use verbatim_store::s3::{Checksum, Credentials, ServerSideEncryption};
use verbatim_store::{
    CountingStore, FsStore, ObjectStore, RequestObserver, RetryPolicy, RetryingStore, S3Config, S3Store,
    StoreError, TimeoutStore, Timeouts,
};

/// Environment variable with a file of certificates to trust, as the AWS CLI has it.
pub use verbatim_crds::contract::env::CA_BUNDLE as CA_BUNDLE_VARIABLE;

/// The stores of a job.
#[derive(Clone, Debug)]
pub struct Stores {
    /// Where the recordings are.
    pub source: StoreLocation,
    /// Where transcripts go.
    pub destination: StoreLocation,
    /// The same place for the ledger: a claim has to be renewed in time, so that its requests may take less.
    pub ledger: StoreLocation,
    /// Where a list of recordings is, by its whole key.
    pub lists: Arc<dyn ObjectStore>,
    /// The list's key there; none without a list.
    pub list: Option<String>,
    /// The one recording, where the source is a file and not a folder.
    pub only: Option<String>,
}

/// Why a job has no stores.
#[derive(Debug, thiserror::Error)]
pub enum StoresError {
    /// A path has no meaning here.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A store cannot be reached or made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The manifest names no place.
    #[error("{0}: give s3 or file")]
    NoPlace(&'static str),
    /// The source is not there.
    #[error("spec.source.file: failed to read {path:?}")]
    Source {
        /// Folder or file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Opens the stores of a job. `base` is the manifest's folder; `requests` is told of each request; claims last for
/// `lease`.
///
/// # Errors
/// [`StoresError`].
pub async fn open(
    spec: &TranscriptionJobSpec,
    base: &Path,
    requests: Arc<dyn RequestObserver>,
    lease: Duration,
) -> Result<Stores, StoresError> {
    let (source, destination) = (&spec.source, &spec.destination);
    let mut only = None;
    let from = match (&source.s3, &source.file) {
        (Some(s3), _) => {
            let store = bucket(&spec.storage, &s3.bucket, Arc::clone(&requests), Timeouts::default()).await?;
            StoreLocation { store, prefix: s3.prefix.clone() }
        }
        (None, Some(file)) => {
            let path = file.resolve(base)?;
            // The engine's own spool makes no difference between links and files, and the store follows both.
            let metadata = std::fs::metadata(&path)
                .map_err(|source| StoresError::Source { path: path.clone(), source })?;
            let (folder_of_it, name) = if metadata.is_dir() { (path, None) } else { split(&path) };
            only = name;
            StoreLocation { store: folder(folder_of_it, Arc::clone(&requests))?, prefix: String::new() }
        }
        (None, None) => return Err(StoresError::NoPlace("spec.source")),
    };
    let to = match (&destination.s3, &destination.file, destination.layout) {
        (_, _, Layout::Adjacent) => from.clone(),
        (Some(s3), ..) => {
            let store = bucket(&spec.storage, &s3.bucket, Arc::clone(&requests), Timeouts::default()).await?;
            StoreLocation { store, prefix: s3.prefix.clone() }
        }
        (None, Some(file), _) => {
            let path = file.resolve(base)?;
            let store = FsStore::new(&path)?;
            store.create().await?;
            store.remove_leftovers().await?;
            StoreLocation {
                store: Arc::new(CountingStore::new(Arc::new(store), requests.clone())),
                prefix: String::new(),
            }
        }
        (None, None, _) => return Err(StoresError::NoPlace("spec.destination")),
    };
    let bucket_of_ledger = match (destination.layout, &source.s3, &destination.s3) {
        (Layout::Adjacent, Some(s3), _) => Some(&s3.bucket),
        (Layout::Adjacent, None, _) => None,
        (_, _, s3) => s3.as_ref().map(|s3| &s3.bucket),
    };
    let ledger = match bucket_of_ledger {
        // A renewal that was given up leaves time for another.
        Some(name) => {
            let limits = Timeouts { request: lease / 3, ..Timeouts::default() };
            let store = bucket(&spec.storage, name, Arc::clone(&requests), limits).await?;
            StoreLocation { store, prefix: to.prefix.clone() }
        }
        None => to.clone(),
    };
    let (lists, list) = match (&source.manifest, &source.s3) {
        (Some(list), None) => {
            let path = verbatim_crds::path::resolve(&list.key, base)?;
            let (parent, name) = split(&path);
            (folder(parent, requests)?, name)
        }
        (list, _) => (Arc::clone(&from.store), list.as_ref().map(|list| list.key.clone())),
    };
    Ok(Stores { source: from, destination: to, ledger, lists, list, only })
}

/// A file as its folder and a key there.
fn split(path: &Path) -> (PathBuf, Option<String>) {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    (path.parent().unwrap_or(Path::new("/")).to_owned(), name)
}

fn folder(path: PathBuf, requests: Arc<dyn RequestObserver>) -> Result<Arc<dyn ObjectStore>, StoreError> {
    Ok(Arc::new(CountingStore::new(Arc::new(FsStore::new(path)?), requests)))
}

/// A bucket, with everything around it: each try is counted and limited in time.
async fn bucket(
    storage: &Storage,
    bucket: &str,
    requests: Arc<dyn RequestObserver>,
    limits: Timeouts,
) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let store = S3Store::connect(config(storage, bucket)).await?;
    let counted = Arc::new(CountingStore::new(Arc::new(store), requests));
    let timed = Arc::new(TimeoutStore::new(counted, limits));
    // What the store cannot do for a while is waited for: everything that was fetched and claimed would be lost.
    let patient = RetryPolicy { attempts: u32::MAX, total: DEFAULT_MAX_OUTAGE, ..RetryPolicy::default() };
    Ok(Arc::new(RetryingStore::new(timed, patient)))
}

fn config(storage: &Storage, bucket: &str) -> S3Config {
    S3Config {
        bucket: bucket.to_owned(),
        endpoint: storage.endpoint.clone(),
        region: storage.region.clone(),
        force_path_style: storage.force_path_style,
        ca_bundle: std::env::var_os(CA_BUNDLE_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from),
        checksum: match storage.request_checksum {
            RequestChecksum::WhenRequired => Checksum::WhenRequired,
            RequestChecksum::WhenSupported => Checksum::WhenSupported,
        },
        credentials: if storage.anonymous { Credentials::Anonymous } else { Credentials::Chain },
        server_side_encryption: storage.server_side_encryption.as_ref().map(|encryption| {
            match encryption.algorithm {
                Encryption::Aes256 => ServerSideEncryption::Aes256,
                Encryption::AwsKms => ServerSideEncryption::Kms { key_id: encryption.kms_key_id.clone() },
            }
        }),
        request_payer: storage.requester_pays,
    }
}
