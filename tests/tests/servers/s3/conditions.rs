//! Conditional writes, on which all state of a job depends.

use std::sync::Arc;

use futures::future::join_all;
use verbatim_store::{Condition, ETag, ErrorKind, ObjectStore, Put};

use super::server::{create, read, start, store, text};

const RACERS: usize = 16;

/// Runs all writes at once; all but one must be refused. No two write the same bytes, not even in other
/// rounds: equal bytes have equal tags, so a version replaced by an identical one would seem to be still
/// there.
async fn race(store: &Arc<dyn ObjectStore>, key: &'static str, condition: Condition, round: usize) {
    let body = |n: usize| format!("round {round}, racer {n}");
    let racers = (0..RACERS).map(|n| {
        let (store, put) = (Arc::clone(store), Put::new(body(n), "text/plain"));
        let put = put.when(condition.clone());
        tokio::spawn(async move { store.put(key, put).await })
    });
    let mut winners = Vec::new();
    for (n, outcome) in join_all(racers).await.into_iter().enumerate() {
        match outcome.unwrap() {
            Ok(_) => winners.push(n),
            Err(error) => {
                assert!(matches!(error.kind, ErrorKind::PreconditionFailed | ErrorKind::Conflict), "{error}");
                assert!(!error.is_unclear());
            }
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(read(&**store, key).await, body(winners[0]));
}

/// Checks conditional writes, which every store must support.
pub(crate) async fn conditions_hold(store: Arc<dyn ObjectStore>) {
    race(&store, "claim", Condition::Absent, 0).await;
    for round in 1..=5 {
        let version = store.head("claim").await.unwrap().etag;
        race(&store, "claim", Condition::Matches(version), round).await;
    }

    let first = store.put("state", create("1")).await.unwrap();
    let second = store.put("state", text("2").when(Condition::Matches(first.clone()))).await.unwrap();
    assert_ne!(first, second);
    let stale = store.put("state", text("3").when(Condition::Matches(first))).await.unwrap_err();
    assert!(stale.is_precondition_failed() && !stale.is_unclear(), "{stale:?}");
    assert!(store.put("state", create("3")).await.unwrap_err().is_precondition_failed());
    assert_eq!(read(&*store, "state").await, "2");

    store.delete("state").await.unwrap();
    let gone = store.put("state", text("3").when(Condition::Matches(second))).await.unwrap_err();
    assert!(gone.is_precondition_failed(), "{gone:?}");
    let never = Condition::Matches(ETag::new("\"00000000000000000000000000000000\""));
    assert!(store.put("never", text("1").when(never)).await.unwrap_err().is_precondition_failed());
    assert!(store.head("never").await.unwrap_err().is_not_found());
    store.put("state", create("4")).await.unwrap();
    store.put("state", text("5")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_writers_wins() {
    let server = start();
    conditions_hold(store(&server).await).await;
}
