//! Probe of a store's conditional writes, through the endpoint that the job will use: proxies may drop the
//! headers, and some stores ignore them. A probe can prove that they do not work; it cannot prove that they
//! do.

use futures::future::join_all;
use verbatim_store::{Condition, ETag, ErrorKind, ObjectStore, Put, StoreError};

use crate::keys::Ledger;

/// Writers that race to create one object. This many exposed stores that are not atomic across their nodes.
const RACERS: usize = 8;

/// Result of the probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeResult {
    /// No fault was found.
    Supported,
    /// Conditional writes do not work; with the reason.
    Unsupported(String),
}

/// Probes the store with a race and a stale write in the ledger's folder. Costs 10 writes and a delete.
///
/// # Errors
/// Errors of the store, if it cannot be written to at all.
pub async fn probe(ledger: &Ledger, nonce: &str) -> Result<ProbeResult, StoreError> {
    let (store, key) = (ledger.store(), ledger.probe_key(nonce));
    let result = run_probe(store, &key).await;
    // A remaining object does no harm and is deleted with the ledger.
    let _ = store.delete(&key).await;
    result
}

async fn run_probe(store: &dyn ObjectStore, key: &str) -> Result<ProbeResult, StoreError> {
    let write = |body: String, condition| store.put(key, Put::new(body, "text/plain").when(condition));
    let racers = (0..RACERS).map(|racer| write(format!("racer {racer}"), Condition::Absent));
    let mut won: Vec<ETag> = Vec::new();
    let mut unclear = None;
    for answer in join_all(racers).await {
        match answer {
            Ok(etag) => won.push(etag),
            Err(error) if matches!(error.kind, ErrorKind::PreconditionFailed | ErrorKind::Conflict) => {}
            Err(error) if error.kind == ErrorKind::Unsupported => return Ok(unsupported(error.message)),
            // A request whose answer was lost may have won.
            Err(error) => unclear = Some(error),
        }
    }
    if won.len() > 1 {
        return Ok(unsupported(format!("{} of {RACERS} writers created the same object", won.len())));
    }
    let etag = match (won.pop(), unclear) {
        (Some(etag), _) => etag,
        (None, Some(error)) if !error.is_unclear() => return Err(error),
        (None, _) => store.head(key).await?.etag,
    };
    let current = match write("replaced".to_owned(), Condition::Matches(etag.clone())).await {
        Ok(current) => current,
        Err(error) if error.is_precondition_failed() || error.is_unclear() => store.head(key).await?.etag,
        Err(error) if error.kind == ErrorKind::Unsupported => return Ok(unsupported(error.message)),
        Err(error) => return Err(error),
    };
    if current == etag {
        return Ok(unsupported("a replaced object has the same ETag as before".to_owned()));
    }
    match write("stale".to_owned(), Condition::Matches(etag)).await {
        Ok(_) => {
            Ok(unsupported("a writer replaced an object on the condition of an older version".to_owned()))
        }
        Err(error) if error.is_precondition_failed() || error.kind == ErrorKind::Conflict => {
            Ok(ProbeResult::Supported)
        }
        Err(error) => Err(error),
    }
}

fn unsupported(why: String) -> ProbeResult {
    ProbeResult::Unsupported(why)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use verbatim_store::check_then_write::Unconditional;
    use verbatim_store::memory::MemoryStore;

    use super::*;
    use crate::store_location::StoreLocation;

    async fn probed(store: Arc<dyn ObjectStore>) -> ProbeResult {
        probe(&Ledger::new(StoreLocation { store, prefix: String::new() }, "uid"), "nonce").await.unwrap()
    }

    #[tokio::test]
    async fn a_good_store_passes_and_the_probe_leaves_nothing() {
        let store = Arc::new(MemoryStore::new());
        assert_eq!(probed(store.clone()).await, ProbeResult::Supported);
        assert!(store.snapshot().is_empty());
    }

    #[tokio::test]
    async fn a_store_that_ignores_conditions_fails() {
        let result = probed(Arc::new(Unconditional::new(Arc::new(MemoryStore::new())))).await;
        assert_eq!(result, unsupported("8 of 8 writers created the same object".to_owned()));
    }
}
