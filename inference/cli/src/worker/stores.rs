//! Stores of a job: buckets or folders, decorated with retries, time limits and counting.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use verbatim_crds::TranscriptionJobSpec;
use verbatim_crds::contract::env;
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

/// Stores of a job.
#[derive(Clone, Debug)]
pub struct Stores {
    /// Recordings.
    pub source: StoreLocation,
    /// Transcripts.
    pub destination: StoreLocation,
    /// The destination for the ledger, with shorter time limits: a claim has to be renewed in time.
    pub ledger: StoreLocation,
    /// Store of the list of recordings, by its whole key.
    pub lists: Arc<dyn ObjectStore>,
    /// Key of the list in that store; none without a list.
    pub list: Option<String>,
    /// The only recording, if the source is a file and not a folder.
    pub only: Option<String>,
}

/// Why the stores of a job cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoresError {
    /// A path is invalid here.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The manifest gives neither s3 nor file.
    #[error("{0}: set s3 or file")]
    NoPlace(&'static str),
    /// The source cannot be read.
    #[error("spec.source.file: failed to read {path:?}")]
    Source {
        /// Folder or file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

/// Opens the stores of a job. `base` is the manifest's folder, `requests` counts each request, `lease` is the
/// lease of a claim.
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
    let source_location = match (&source.s3, &source.file) {
        (Some(s3), _) => {
            let store = bucket(&spec.storage, &s3.bucket, Arc::clone(&requests), Timeouts::default()).await?;
            StoreLocation { store, prefix: s3.prefix.clone() }
        }
        (None, Some(file)) => {
            let path = file.resolve(base)?;
            // Follows links, as the store and the engine's spool do.
            let metadata = std::fs::metadata(&path)
                .map_err(|source| StoresError::Source { path: path.clone(), source })?;
            let (parent, name) = if metadata.is_dir() { (path, None) } else { split(&path) };
            only = name;
            StoreLocation { store: folder(parent, Arc::clone(&requests))?, prefix: String::new() }
        }
        (None, None) => return Err(StoresError::NoPlace("spec.source")),
    };
    let destination_location = match (&destination.s3, &destination.file, destination.layout) {
        (_, _, Layout::Adjacent) => source_location.clone(),
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
        // A renewal that has timed out leaves time for another one.
        Some(name) => {
            let limits = Timeouts { request: lease / 3, ..Timeouts::default() };
            let store = bucket(&spec.storage, name, Arc::clone(&requests), limits).await?;
            StoreLocation { store, prefix: destination_location.prefix.clone() }
        }
        None => destination_location.clone(),
    };
    let (lists, list) = match (&source.manifest, &source.s3) {
        (Some(list), None) => {
            let path = verbatim_crds::path::resolve(&list.key, base)?;
            let (parent, name) = split(&path);
            (folder(parent, requests)?, name)
        }
        (list, _) => (Arc::clone(&source_location.store), list.as_ref().map(|list| list.key.clone())),
    };
    Ok(Stores { source: source_location, destination: destination_location, ledger, lists, list, only })
}

/// A file as its folder and its key in that folder.
fn split(path: &Path) -> (PathBuf, Option<String>) {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    (path.parent().unwrap_or(Path::new("/")).to_owned(), name)
}

fn folder(path: PathBuf, requests: Arc<dyn RequestObserver>) -> Result<Arc<dyn ObjectStore>, StoreError> {
    Ok(Arc::new(CountingStore::new(Arc::new(FsStore::new(path)?), requests)))
}

/// A bucket with its decorators: each attempt is counted and has a time limit.
async fn bucket(
    storage: &Storage,
    bucket: &str,
    requests: Arc<dyn RequestObserver>,
    limits: Timeouts,
) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let store = S3Store::connect(config(storage, bucket)).await?;
    let counted = Arc::new(CountingStore::new(Arc::new(store), requests));
    let timed = Arc::new(TimeoutStore::new(counted, limits));
    // Outages are waited out: giving up would lose everything that was downloaded and claimed.
    let policy = RetryPolicy { attempts: u32::MAX, total: DEFAULT_MAX_OUTAGE, ..RetryPolicy::default() };
    Ok(Arc::new(RetryingStore::new(timed, policy)))
}

fn config(storage: &Storage, bucket: &str) -> S3Config {
    S3Config {
        bucket: bucket.to_owned(),
        endpoint: storage.endpoint.clone(),
        region: storage.region.clone(),
        force_path_style: storage.force_path_style,
        ca_bundle: std::env::var_os(env::CA_BUNDLE).filter(|path| !path.is_empty()).map(PathBuf::from),
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
