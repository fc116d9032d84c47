use std::time::Duration;

use bytes::BytesMut;
use futures::TryStreamExt;
use tokio::time::Instant;

use super::*;
use crate::error::ErrorKind;
use crate::object::Condition;
use crate::test_store::{Step, TestStore, bytes};

const SIZE: usize = 200_000;

fn retrying(steps: &[Step]) -> (RetryingStore, Arc<TestStore>) {
    let inner = Arc::new(TestStore::with("a", SIZE));
    steps.iter().for_each(|step| inner.next(*step));
    (RetryingStore::new(Arc::clone(&inner) as Arc<dyn ObjectStore>, RetryPolicy::default()), inner)
}

/// The body's bytes, and the error that ended it.
async fn read(store: &RetryingStore, read: Read) -> (BytesMut, Option<StoreError>) {
    let mut body = store.get("a", read).await.unwrap().body;
    let mut all = BytesMut::new();
    loop {
        match body.try_next().await {
            Ok(Some(part)) => all.extend_from_slice(&part),
            Ok(None) => return (all, None),
            Err(error) => return (all, Some(error)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn transient_failures_are_retried() {
    for kind in [ErrorKind::Throttled, ErrorKind::Unavailable, ErrorKind::Conflict, ErrorKind::ClockSkew] {
        let (store, inner) = retrying(&[Step::Fail(kind); 7]);
        store.head("a").await.unwrap();
        assert_eq!(inner.requests().len(), 8);
        let (store, inner) = retrying(&[Step::Fail(kind); 8]);
        assert_eq!(store.list("", None, 1).await.unwrap_err().kind, kind);
        assert_eq!(inner.requests().len(), 8);
    }
}

#[tokio::test(start_paused = true)]
async fn permanent_failures_are_not_retried() {
    for kind in ErrorKind::ALL.into_iter().filter(|kind| !kind.is_transient()) {
        let (store, inner) = retrying(&[Step::Fail(kind)]);
        assert_eq!(store.delete("a").await.unwrap_err().kind, kind);
        assert_eq!(inner.requests().len(), 1, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_answered_before_is_retried() {
    let gone = Step::Fail(ErrorKind::InvalidEndpoint);
    let (store, inner) = retrying(&[Step::Succeed, gone, gone]);
    store.head("a").await.unwrap();
    store.head("a").await.unwrap();
    assert_eq!(inner.requests().len(), 4);
    // "No such object" is an answer too.
    let (store, inner) = retrying(&[Step::Succeed, gone]);
    store.head("none").await.unwrap_err();
    store.head("a").await.unwrap();
    assert_eq!(inner.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_store_can_request_a_delay() {
    let begun = Instant::now();
    let (store, _) = retrying(&[Step::Throttle(20), Step::Throttle(20)]);
    store.head("a").await.unwrap();
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(40) && took < Duration::from_secs(41), "{took:?}");

    // A delay longer than the time left fails at once.
    let begun = Instant::now();
    let (store, inner) = retrying(&[Step::Throttle(61)]);
    assert_eq!(store.head("a").await.unwrap_err().kind, ErrorKind::Throttled);
    assert_eq!((inner.requests().len(), begun.elapsed()), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn the_total_time_is_bounded() {
    let inner = Arc::new(TestStore::with("a", 1));
    (0..1000).for_each(|_| inner.next(Step::Throttle(5)));
    let policy = RetryPolicy { attempts: u32::MAX, ..RetryPolicy::default() };
    let store = RetryingStore::new(Arc::clone(&inner) as Arc<dyn ObjectStore>, policy);
    let begun = Instant::now();
    store.head("a").await.unwrap_err();
    assert!(begun.elapsed() <= policy.total);
    assert!((5..=12).contains(&inner.requests().len()), "{}", inner.requests().len());
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_first_attempt_may_have_happened_stays_unclear() {
    let create = Put::new("mine", "text/plain").when(Condition::Absent);
    let (store, inner) = retrying(&[Step::LoseAnswer]);
    let error = store.put("b", create.clone()).await.unwrap_err();
    assert!(
        error.is_precondition_failed() && error.is_unclear(),
        "refused because of its own object: {error}"
    );
    assert_eq!(&inner.inner.snapshot()["b"][..], b"mine");

    let (store, _) = retrying(&[Step::Fail(ErrorKind::Throttled)]);
    let error = store.put("a", create.clone()).await.unwrap_err();
    assert!(error.is_precondition_failed() && !error.is_unclear(), "nothing was written: {error}");

    let (store, _) = retrying(&[Step::LoseAnswer, Step::Fail(ErrorKind::AccessDenied)]);
    let error = store.put("b", create).await.unwrap_err();
    assert!(error.kind == ErrorKind::AccessDenied && error.is_unclear());
}

#[tokio::test(start_paused = true)]
async fn a_body_resumes_where_it_broke_off() {
    let (store, inner) = retrying(&[
        Step::BreakAfter(70_000),
        Step::Fail(ErrorKind::Unavailable),
        Step::BreakAfter(0),
        Step::EndAfter(30_000),
        Step::BreakAfter(1),
    ]);
    let (all, error) = read(&store, Read::default()).await;
    assert!(error.is_none() && all == bytes(SIZE), "{error:?}");
    let from: Vec<_> = inner.requests().iter().map(|(_, _, from)| from.unwrap()).collect();
    assert_eq!(from, [0, 70_000, 70_000, 70_000, 100_000, 100_001]);
}

#[tokio::test(start_paused = true)]
async fn a_range_resumes_within_its_bounds() {
    let (store, inner) = retrying(&[Step::BreakAfter(10)]);
    let range = Read { range: Some(50..1000), ..Read::default() };
    let (all, error) = read(&store, range).await;
    assert!(error.is_none() && all == bytes(SIZE)[50..1000]);
    assert_eq!(inner.requests().len(), 2);
    // A range beyond the end is complete when the object is.
    let (all, error) = read(&store, Read { range: Some(SIZE as u64 - 5..u64::MAX), ..Read::default() }).await;
    assert!(error.is_none() && all == bytes(SIZE)[SIZE - 5..]);
}

#[tokio::test(start_paused = true)]
async fn versions_of_an_object_are_never_mixed() {
    let (store, inner) = retrying(&[Step::BreakAfter(70_000)]);
    let mut body = store.get("a", Read::default()).await.unwrap().body;
    assert_eq!(body.try_next().await.unwrap().unwrap().len(), 70_000);
    inner.inner.put("a", Put::new(bytes(SIZE + 1), "audio/wav")).await.unwrap();
    assert!(body.try_next().await.unwrap_err().is_precondition_failed());
}

#[tokio::test(start_paused = true)]
async fn a_body_without_progress_ends_in_an_error() {
    let (store, inner) = retrying(&[Step::BreakAfter(0); 20]);
    let (all, error) = read(&store, Read::default()).await;
    assert!(all.is_empty());
    assert_eq!(error.unwrap().kind, ErrorKind::Unavailable);
    assert_eq!(inner.requests().len(), 8);

    // With progress each time, it resumes more often than a request has attempts.
    let (store, inner) = retrying(&[Step::BreakAfter(1000); 20]);
    let (all, error) = read(&store, Read::default()).await;
    assert!(error.is_none() && all == bytes(SIZE));
    assert_eq!(inner.requests().len(), 21);
}
