//! Clocks that are hours off.

use std::sync::Arc;

use verbatim_store::{ErrorKind, ObjectStore, RetryPolicy, RetryingStore};

use super::server::{config, connect, keys, read, start, store, text};
use verbatim_testing::VersityGw;

#[tokio::test]
async fn a_clock_that_is_hours_off_is_set_right_by_the_first_answer() {
    let server = start();
    for hours in [-30, -2, 2, 30] {
        let store = store(&server).await;
        store.pretend_clock_is_ahead(hours * 3600);
        let error = store.put("a", text("a")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::ClockSkew, "{error}");
        assert!(!error.is_unclear());
        store.put("a", text("a")).await.unwrap();

        store.pretend_clock_is_ahead(hours * 3600);
        // The response has no body that could name the cause.
        assert_eq!(store.head("a").await.unwrap_err().kind, ErrorKind::ClockSkew);
        store.head("a").await.unwrap();

        store.pretend_clock_is_ahead(hours * 3600);
        let retrying = RetryingStore::new(Arc::clone(&store) as Arc<dyn ObjectStore>, RetryPolicy::default());
        assert_eq!(read(&retrying, "a").await, "a");
    }
}

#[tokio::test]
async fn a_wrong_secret_is_reported_as_such_despite_a_wrong_clock() {
    let server = start();
    let wrong = keys(VersityGw::ACCESS_KEY, "wrong");
    let store = connect(verbatim_store::S3Config { credentials: wrong, ..config(&server) }).await;
    store.pretend_clock_is_ahead(7200);
    let retrying = RetryingStore::new(Arc::clone(&store) as Arc<dyn ObjectStore>, RetryPolicy::default());
    assert_eq!(retrying.list("", None, 1).await.unwrap_err().kind, ErrorKind::Credentials);
}
