//! Sends the requests of a claim's state machine.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use tokio::time::Instant;
use verbatim_store::{Condition, ETag, ErrorKind, ObjectStore, Put, StoreError};

use super::error::WorkerError;
use crate::claim::{Answer, Claim, Command, Machine, Request, ShardOutcomes};
use crate::objects;

/// Delay after a transient failure, on top of the store's own retries: the machine retries at once, which
/// would be a tight loop if the store fails at once.
const PAUSE: Duration = Duration::from_secs(1);

/// Keys of a claim and of its outcomes.
#[derive(Clone, Debug)]
pub(crate) struct ClaimKeys {
    pub(crate) claim: String,
    pub(crate) outcomes: String,
}

/// A state machine and its pending request.
pub(crate) struct ClaimDriver<'a> {
    store: &'a dyn ObjectStore,
    keys: ClaimKeys,
    record: Box<dyn Fn(ShardOutcomes) -> Vec<u8> + Send + Sync + 'a>,
    max_outage: Duration,
    failing_since: Option<Instant>,
    pub(crate) machine: Machine,
    under_way: Option<BoxFuture<'a, Result<Answer, StoreError>>>,
}

impl<'a> ClaimDriver<'a> {
    /// `record` serialises the outcomes.
    pub(crate) fn new(
        store: &'a dyn ObjectStore,
        keys: ClaimKeys,
        (machine, request): (Machine, Request),
        max_outage: Duration,
        record: impl Fn(ShardOutcomes) -> Vec<u8> + Send + Sync + 'a,
    ) -> Self {
        let mut driver = Self {
            store,
            keys,
            record: Box::new(record),
            max_outage,
            failing_since: None,
            machine,
            under_way: None,
        };
        driver.send(Some(request), Duration::ZERO);
        driver
    }

    /// Passes a command to the machine.
    pub(crate) fn command(&mut self, command: Command) {
        let request = self.machine.command(command);
        self.send(request, Duration::ZERO);
    }

    /// Waits for the pending answer and passes it to the machine; waits forever if no request is pending.
    /// Cancel-safe.
    pub(crate) async fn advance(&mut self) -> Result<(), WorkerError> {
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

    /// The machine's answer for an error, or the error itself if retries are pointless.
    fn unclear(&mut self, error: StoreError) -> Result<Answer, WorkerError> {
        let now = Instant::now();
        let since = *self.failing_since.get_or_insert(now);
        if error.kind.is_configuration() || now.duration_since(since) >= self.max_outage {
            return Err(error.into());
        }
        tracing::warn!("failed to update a claim, retrying: {error}");
        Ok(Answer::Unclear)
    }

    fn send(&mut self, request: Option<Request>, pause: Duration) {
        let Some(request) = request else { return };
        let (store, keys) = (self.store, self.keys.clone());
        let record = match &request {
            Request::WriteOutcomes(done) => (self.record)((**done).clone()),
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
    keys: &ClaimKeys,
    request: Request,
    record: Vec<u8>,
) -> Result<Answer, StoreError> {
    let put = match request {
        Request::ReadClaim => return read_claim(store, &keys.claim).await.map(Answer::Found),
        Request::WriteClaim(claim, over) => {
            let condition = over.map_or(Condition::Absent, Condition::Matches);
            store.put(&keys.claim, json(&*claim).when(condition)).await
        }
        Request::WriteOutcomes(_) => {
            store.put(&keys.outcomes, Put::new(record, "application/json").when(Condition::Absent)).await
        }
    };
    match put {
        Ok(etag) => Ok(Answer::Written(etag)),
        // A missing claim is not the version to replace.
        Err(error) if matches!(error.kind, ErrorKind::PreconditionFailed | ErrorKind::NotFound) => {
            Ok(Answer::Refused)
        }
        Err(error) => Err(error),
    }
}

/// Reads a claim. An invalid one is an error.
pub(crate) async fn read_claim(
    store: &dyn ObjectStore,
    key: &str,
) -> Result<Option<(Box<Claim>, ETag)>, StoreError> {
    let Some((object, bytes)) = objects::read(store, key).await? else { return Ok(None) };
    let claim: Claim = serde_json::from_slice(&bytes).map_err(|error| {
        StoreError::new(ErrorKind::Invalid, format!("{} is not a claim: {error}", store.address(key)))
    })?;
    Ok(Some((Box::new(claim), object.etag)))
}

/// Write of an object of the ledger. Its types consist of names and numbers, so serialisation cannot fail.
pub(crate) fn json(value: &impl Serialize) -> Put {
    Put::new(serde_json::to_vec(value).unwrap_or_default(), "application/json")
}
