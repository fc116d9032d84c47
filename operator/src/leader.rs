//! Leader election: one of several replicas works, the holder of the Lease, and only while it is certain to
//! hold it.
//!
//! As in client-go, the holder renews, and others take over a lease that they have seen unchanged for its
//! whole duration, on their own monotonic clocks. Fencing: the holder's term ends before another replica's
//! can begin ([`Leadership::holds`]), and every write checks it first. A replica that was suspended past its
//! lease therefore cannot write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::time::{sleep, timeout};
use verbatim_text::error_chain;

/// Whether this replica leads.
#[derive(Clone, Debug, Default)]
pub struct Leadership {
    until: Arc<Mutex<Option<Instant>>>,
    always: Arc<AtomicBool>,
}

impl Leadership {
    /// Permanent leadership, without other replicas.
    pub fn alone() -> Self {
        let leadership = Self::default();
        leadership.always.store(true, Ordering::Relaxed);
        leadership
    }

    /// Whether no other replica can have taken over yet.
    pub fn holds(&self) -> bool {
        self.always.load(Ordering::Relaxed) || self.until().is_some_and(|until| Instant::now() < until)
    }

    fn until(&self) -> Option<Instant> {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, until: Option<Instant>) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

/// A replica that competes for a lease.
pub struct Elector {
    api: Api<Lease>,
    name: String,
    identity: String,
    duration: Duration,
    leadership: Leadership,
    /// Last seen version of the lease, and when it was first seen.
    seen: Option<(String, Instant)>,
}

impl Elector {
    /// A competitor for the lease `name`; sends no request yet.
    pub fn new(client: Client, namespace: &str, name: &str, identity: &str, duration: Duration) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity: identity.to_owned(),
            duration,
            leadership: Leadership::default(),
            seen: None,
        }
    }

    /// Handle on the leadership of this replica.
    pub fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Waits until this replica leads.
    pub async fn acquire(&mut self) {
        while !self.try_lead().await {
            sleep(self.interval()).await;
        }
    }

    /// Renews the lease until another replica may lead.
    pub async fn keep(&mut self) {
        while self.leadership.holds() {
            sleep(self.interval()).await;
            self.try_lead().await;
        }
    }

    /// Releases the lease, so that another replica need not wait.
    pub async fn release(&mut self) {
        let held = self.leadership.holds();
        self.leadership.set(None);
        if !held {
            return;
        }
        let released = async {
            let Some(mut lease) = self.api.get_opt(&self.name).await? else { return Ok(()) };
            if let Some(spec) =
                lease.spec.as_mut().filter(|spec| spec.holder_identity.as_ref() == Some(&self.identity))
            {
                spec.holder_identity = None;
                self.api.replace(&self.name, &PostParams::default(), &lease).await?;
            }
            Ok::<_, kube::Error>(())
        };
        // If it fails, another replica takes over a little later.
        let _ = timeout(self.interval(), released).await;
    }

    /// Interval of renewals: a fifth of the duration, so that two attempts may fail within the two thirds for
    /// which the lease counts.
    fn interval(&self) -> Duration {
        self.duration / 5
    }

    /// Takes or renews the lease if possible. Returns whether this replica leads.
    async fn try_lead(&mut self) -> bool {
        // The lease counts from before the request: others read it later.
        let begun = Instant::now();
        match timeout(self.duration / 3, self.attempt()).await {
            Ok(Ok(true)) => self.leadership.set(Some(begun + self.duration * 2 / 3)),
            Ok(Ok(false)) => self.leadership.set(None),
            // Another replica was faster, or no answer came: a held lease stays valid until its end.
            Ok(Err(error)) => {
                tracing::warn!("failed to renew the lease {}: {}", self.name, error_chain(&error))
            }
            Err(_) => tracing::warn!("the API server does not answer about the lease {}", self.name),
        }
        self.leadership.holds()
    }

    async fn attempt(&mut self) -> Result<bool, kube::Error> {
        let Some(lease) = self.api.get_opt(&self.name).await? else {
            let lease = Lease {
                metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
                spec: Some(self.spec(None)),
            };
            self.api.create(&PostParams::default(), &lease).await?;
            return Ok(true);
        };
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        if self.seen.as_ref().is_none_or(|(seen, _)| *seen != version) {
            self.seen = Some((version, Instant::now()));
        }
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.clone().filter(|holder| !holder.is_empty());
        let mine = holder.as_ref() == Some(&self.identity);
        let theirs = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let theirs = theirs.map_or(self.duration, Duration::from_secs);
        let lapsed = self.seen.as_ref().is_some_and(|(_, since)| since.elapsed() >= theirs);
        if holder.is_some() && !mine && !lapsed {
            return Ok(false);
        }
        // With the version that was read: of two competitors, one is refused.
        let next = Lease { spec: Some(self.spec(Some(&spec))), ..lease };
        let written = self.api.replace(&self.name, &PostParams::default(), &next).await?;
        self.seen = Some((written.metadata.resource_version.unwrap_or_default(), Instant::now()));
        Ok(true)
    }

    fn spec(&self, before: Option<&LeaseSpec>) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        let mine = before.is_some_and(|spec| spec.holder_identity.as_ref() == Some(&self.identity));
        let transitions = before.and_then(|spec| spec.lease_transitions).unwrap_or_default();
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.duration.as_secs()).ok(),
            acquire_time: before
                .filter(|_| mine)
                .and_then(|spec| spec.acquire_time.clone())
                .or(Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(if mine || before.is_none() { transitions } else { transitions + 1 }),
            ..LeaseSpec::default()
        }
    }
}
