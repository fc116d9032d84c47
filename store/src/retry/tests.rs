use std::time::Duration;

use bytes::BytesMut;
use futures::TryStreamExt;
use tokio::time::Instant;

use super::*;
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
async fn what_fails_for_a_moment_is_tried_again() {
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
async fn what_stays_wrong_is_not_tried_again() {
    for kind in ErrorKind::ALL.into_iter().filter(|kind| !kind.is_transient()) {
        let (store, inner) = retrying(&[Step::Fail(kind)]);
        assert_eq!(store.delete("a").await.unwrap_err().kind, kind);
        assert_eq!(inner.requests().len(), 1, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_was_reached_before_is_tried_again() {
    let gone = Step::Fail(ErrorKind::InvalidEndpoint);
    let (store, inner) = retrying(&[Step::Succeed, gone, gone]);
    store.head("a").await.unwrap();
    store.head("a").await.unwrap();
    assert_eq!(inner.requests().len(), 4);
    // That there is no such object is an answer too.
    let (store, inner) = retrying(&[Step::Succeed, gone]);
    store.head("none").await.unwrap_err();
    store.head("a").await.unwrap();
    assert_eq!(inner.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_store_says_how_long_to_wait() {
    let begun = Instant::now();
    let (store, _) = retrying(&[Step::Throttle(20), Step::Throttle(20)]);
    store.head("a").await.unwrap();
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(40) && took < Duration::from_secs(41), "{took:?}");

    // Longer than there is time: at once.
    let begun = Instant::now();
    let (store, inner) = retrying(&[Step::Throttle(61)]);
    assert_eq!(store.head("a").await.unwrap_err().kind, ErrorKind::Throttled);
    assert_eq!((inner.requests().len(), begun.elapsed()), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn the_whole_time_is_bounded() {
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
async fn a_write_whose_first_try_may_have_happened_stays_unclear() {
    let create = Put::new("mine", "text/plain").when(Condition::Absent);
    let (store, inner) = retrying(&[Step::LoseAnswer]);
    let error = store.put("b", create.clone()).await.unwrap_err();
    assert!(error.is_precondition_failed() && error.is_unclear(), "refused by one's own object: {error}");
    assert_eq!(&inner.inner.snapshot()["b"][..], b"mine");

    let (store, _) = retrying(&[Step::Fail(ErrorKind::Throttled)]);
    let error = store.put("a", create.clone()).await.unwrap_err();
    assert!(error.is_precondition_failed() && !error.is_unclear(), "nothing was written: {error}");

    let (store, _) = retrying(&[Step::LoseAnswer, Step::Fail(ErrorKind::AccessDenied)]);
    let error = store.put("b", create).await.unwrap_err();
    assert!(error.kind == ErrorKind::AccessDenied && error.is_unclear());
}

#[tokio::test(start_paused = true)]
async fn a_body_goes_on_where_it_broke_off() {
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
async fn a_range_goes_on_within_itself() {
    let (store, inner) = retrying(&[Step::BreakAfter(10)]);
    let range = Read { range: Some(50..1000), ..Read::default() };
    let (all, error) = read(&store, range).await;
    assert!(error.is_none() && all == bytes(SIZE)[50..1000]);
    assert_eq!(inner.requests().len(), 2);
    // One that goes beyond the end is whole when the object is.
    let (all, error) = read(&store, Read { range: Some(SIZE as u64 - 5..u64::MAX), ..Read::default() }).await;
    assert!(error.is_none() && all == bytes(SIZE)[SIZE - 5..]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_changes_in_the_middle_is_not_mixed() {
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

    // With progress each time, it goes on for longer than a request's own tries.
    let (store, inner) = retrying(&[Step::BreakAfter(1000); 20]);
    let (all, error) = read(&store, Read::default()).await;
    assert!(error.is_none() && all == bytes(SIZE));
    assert_eq!(inner.requests().len(), 21);
}
