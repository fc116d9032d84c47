//! Finds out whether a store's conditional writes work, through the endpoint that the job will use: proxies may drop the
//! headers, and some stores ignore them. A probe can prove a store bad; it cannot prove it good.

use futures::future::join_all;
use verbatim_store::{Condition, ETag, ErrorKind, ObjectStore, Put, StoreError};

use crate::names::Ledger;

/// Writers that race to create one object. Stores that are not atomic across their nodes were caught with this many.
const RACERS: usize = 8;

/// What the probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing that is wrong.
    Works,
    /// Conditional writes do not work; why, in words.
    Unsupported(String),
}

/// Races and a stale write in the ledger's folder. Costs 10 writes and a removal.
///
/// # Errors
/// The store's: where it cannot be written to at all.
pub async fn probe(ledger: &Ledger, nonce: &str) -> Result<Verdict, StoreError> {
    let (store, key) = (ledger.store(), ledger.probe(nonce));
    let verdict = try_out(store, &key).await;
    // It is in nobody's way, and goes with the ledger.
    let _ = store.delete(&key).await;
    verdict
}

async fn try_out(store: &dyn ObjectStore, key: &str) -> Result<Verdict, StoreError> {
    let write = |body: String, condition| store.put(key, Put::new(body, "text/plain").when(condition));
    let racers = (0..RACERS).map(|racer| write(format!("racer {racer}"), Condition::Absent));
    let mut won: Vec<ETag> = Vec::new();
    let mut unclear = None;
    for answer in join_all(racers).await {
        match answer {
            Ok(etag) => won.push(etag),
            Err(error) if matches!(error.kind, ErrorKind::PreconditionFailed | ErrorKind::Conflict) => {}
            Err(error) if error.kind == ErrorKind::Unsupported => return Ok(unsupported(error.message)),
            // One that was lost on the way may have been the winner.
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
        return Ok(unsupported("an object that was replaced has the same tag as before".to_owned()));
    }
    match write("stale".to_owned(), Condition::Matches(etag)).await {
        Ok(_) => {
            Ok(unsupported("an object was replaced by a writer that had an older version in hand".to_owned()))
        }
        Err(error) if error.is_precondition_failed() || error.kind == ErrorKind::Conflict => {
            Ok(Verdict::Works)
        }
        Err(error) => Err(error),
    }
}

fn unsupported(why: String) -> Verdict {
    Verdict::Unsupported(why)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use verbatim_store::check_then_write::Unconditional;
    use verbatim_store::memory::MemoryStore;

    use super::*;
    use crate::place::Place;

    async fn probed(store: Arc<dyn ObjectStore>) -> Verdict {
        probe(&Ledger::new(Place { store, prefix: String::new() }, "uid"), "nonce").await.unwrap()
    }

    #[tokio::test]
    async fn a_good_store_passes_and_nothing_is_left() {
        let store = Arc::new(MemoryStore::new());
        assert_eq!(probed(store.clone()).await, Verdict::Works);
        assert!(store.snapshot().is_empty());
    }

    #[tokio::test]
    async fn a_store_that_ignores_conditions_is_found_out() {
        let verdict = probed(Arc::new(Unconditional::new(Arc::new(MemoryStore::new())))).await;
        assert_eq!(verdict, unsupported("8 of 8 writers created the same object".to_owned()));
    }
}
