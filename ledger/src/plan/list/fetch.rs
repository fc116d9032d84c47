//! Download of a list to disk: a list of millions of names does not fit into a worker's memory.

use std::fs::File;
use std::io::{self, BufReader, Seek, Write};

use futures::TryStreamExt;
use verbatim_store::{ObjectStore, Read, StoreError};

/// Error of a download.
#[derive(Debug)]
pub(in crate::plan) enum FetchError {
    Store(StoreError),
    Io(io::Error),
}

/// Downloads a list into an unnamed file.
pub(in crate::plan) async fn fetch(
    store: &dyn ObjectStore,
    key: &str,
) -> Result<BufReader<File>, FetchError> {
    let mut download = store.get(key, Read::default()).await.map_err(FetchError::Store)?;
    let mut file = tempfile::tempfile().map_err(FetchError::Io)?;
    while let Some(bytes) = download.body.try_next().await.map_err(FetchError::Store)? {
        file.write_all(&bytes).map_err(FetchError::Io)?;
    }
    file.rewind().map_err(FetchError::Io)?;
    Ok(BufReader::new(file))
}
