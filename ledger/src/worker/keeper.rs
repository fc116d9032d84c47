//! Carries out what a claim's machine asks for.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use tokio::time::Instant;
use verbatim_store::{Condition, ETag, ErrorKind, ObjectStore, Put, StoreError};

use super::error::WorkerError;
use crate::claim::{Answer, Claim, Done, Machine, Request, Wish};
use crate::objects;

/// Pause after a request that failed in passing, beyond what the store's own retries wait: the machine asks again at
/// once, and a store that refuses at once would be asked in a tight loop.
const PAUSE: Duration = Duration::from_secs(1);

/// Where a claim and its outcomes are.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) claim: String,
    pub(crate) done: String,
}

/// A machine, and its request under way.
pub(crate) struct Keeper<'a> {
    store: &'a dyn ObjectStore,
    keys: Keys,
    record: Box<dyn Fn(Done) -> Vec<u8> + Send + Sync + 'a>,
    patience: Duration,
    failing_since: Option<Instant>,
    pub(crate) machine: Machine,
    under_way: Option<BoxFuture<'a, Result<Answer, StoreError>>>,
}

impl<'a> Keeper<'a> {
    /// `record` makes the body of outcomes.
    pub(crate) fn new(
        store: &'a dyn ObjectStore,
        keys: Keys,
        (machine, request): (Machine, Request),
        patience: Duration,
        record: impl Fn(Done) -> Vec<u8> + Send + Sync + 'a,
    ) -> Self {
        let mut keeper = Self {
            store,
            keys,
            record: Box::new(record),
            patience,
            failing_since: None,
            machine,
            under_way: None,
        };
        keeper.send(Some(request), Duration::ZERO);
        keeper
    }

    /// Tells the machine what is wanted.
    pub(crate) fn wish(&mut self, wish: Wish) {
        let request = self.machine.wish(wish);
        self.send(request, Duration::ZERO);
    }

    /// Waits for the answer under way and hands it to the machine; for ever where none is. Can be dropped and called
    /// again: nothing is lost.
    pub(crate) async fn turn(&mut self) -> Result<(), WorkerError> {
        let Some(under_way) = &mut self.under_way else { return std::future::pending().await };
        let answer = under_way.await;
        self.under_way = None;
        let (answer, pause) = match answer {
            Ok(answer) => {
                self.failing_since = None;
                (answer, Duration::ZERO)
            }
            Err(error) => (self.unclear(error)?, PAUSE),
        };
        let request = self.machine.answer(answer);
        self.send(request, pause);
        Ok(())
    }

    /// What an error means to the machine, or that there is no sense in going on.
    fn unclear(&mut self, error: StoreError) -> Result<Answer, WorkerError> {
        let now = Instant::now();
        let since = *self.failing_since.get_or_insert(now);
        if error.kind.is_configuration() || now.duration_since(since) >= self.patience {
            return Err(error.into());
        }
        tracing::warn!("a claim cannot be kept for now: {error}");
        Ok(Answer::Unclear)
    }

    fn send(&mut self, request: Option<Request>, pause: Duration) {
        let Some(request) = request else { return };
        let (store, keys) = (self.store, self.keys.clone());
        let record = match &request {
            Request::Record(done) => (self.record)((**done).clone()),
            _ => Vec::new(),
        };
        self.under_way = Some(
            async move {
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                carry_out(store, &keys, request, record).await
            }
            .boxed(),
        );
    }
}

async fn carry_out(
    store: &dyn ObjectStore,
    keys: &Keys,
    request: Request,
    record: Vec<u8>,
) -> Result<Answer, StoreError> {
    let put = match request {
        Request::Read => return read_claim(store, &keys.claim).await.map(Answer::Found),
        Request::Write(claim, over) => {
            let condition = over.map_or(Condition::Absent, Condition::Matches);
            store.put(&keys.claim, json(&*claim).when(condition)).await
        }
        Request::Record(_) => {
            store.put(&keys.done, Put::new(record, "application/json").when(Condition::Absent)).await
        }
    };
    match put {
        Ok(etag) => Ok(Answer::Written(etag)),
        // A claim that is gone is not what was to be replaced.
        Err(error) if matches!(error.kind, ErrorKind::PreconditionFailed | ErrorKind::NotFound) => {
            Ok(Answer::Refused)
        }
        Err(error) => Err(error),
    }
}

/// Reads a claim. One that makes no sense is as good as one by somebody else.
pub(crate) async fn read_claim(
    store: &dyn ObjectStore,
    key: &str,
) -> Result<Option<(Box<Claim>, ETag)>, StoreError> {
    let Some((object, bytes)) = objects::read(store, key).await? else { return Ok(None) };
    let claim: Claim = serde_json::from_slice(&bytes).map_err(|error| {
        StoreError::new(ErrorKind::Invalid, format!("{} is no claim: {error}", store.address(key)))
    })?;
    Ok(Some((Box::new(claim), object.etag)))
}

/// An object of the ledger. Its types have names and numbers only, which serialise.
pub(crate) fn json(value: &impl Serialize) -> Put {
    Put::new(serde_json::to_vec(value).unwrap_or_default(), "application/json")
}
