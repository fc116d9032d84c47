//! A worker: finds or makes the plan, claims shards, has their recordings transcribed, commits, records, reports.
//!
//! Everything that it knows of the job is in the ledger; any number of workers do a job without knowing of each other.

mod claiming;
mod commit;
mod drain;
mod error;
mod file;
mod finish;
mod hunting;
mod keeper;
mod planning;
mod session;
pub mod settings;
mod spool;
pub mod steps;
pub mod transcribe;
pub mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::Notify;

pub use self::drain::Drain;
pub use self::error::WorkerError;
pub(crate) use self::finish::read_record;
pub use self::finish::read_report;
pub(crate) use self::keeper::read_claim;
pub use self::session::Ended;
pub use self::settings::Settings;
pub use self::spool::SpoolError;

use self::commit::Marks;
use self::spool::Spool;
use self::transcribe::Transcribe;
use self::watch::{Event, Watch};
use crate::names::Ledger;
use crate::place::Place;
use crate::plan::{Plan, Sources};
use crate::report::Report;

/// Why a worker has nothing more to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Left {
    /// Every shard is done, and the report is written.
    Complete(Box<Report>),
    /// Nothing can be claimed, and every claim is live: others do the rest.
    NothingToClaim,
    /// It was told to stop, and has given its shards back.
    Drained,
}

/// A worker's parts.
#[derive(Clone, Debug)]
pub struct Worker<'a> {
    /// The job's ledger.
    pub ledger: Ledger,
    /// What a plan is made from, if this worker has to make it.
    pub sources: Sources<'a>,
    /// What it has to go by.
    pub settings: Settings,
    /// Whoever transcribes.
    pub transcriber: Arc<dyn Transcribe>,
    /// Hears of what happens.
    pub watch: Arc<dyn Watch>,
    /// Tells it to stop.
    pub drain: Drain,
}

/// What the tasks of a worker share.
#[derive(Debug)]
struct Shared {
    ledger: Ledger,
    plan: Arc<Plan>,
    source: Place,
    destination: Place,
    settings: Settings,
    marks: Marks,
    spool: Spool,
    transcriber: Arc<dyn Transcribe>,
    watch: Arc<dyn Watch>,
    drain: Drain,
}

impl Worker<'_> {
    /// Works until nothing is left to do for it.
    ///
    /// # Errors
    /// [`WorkerError`]: shards that it had were given back, or run out by themselves.
    pub async fn run(&self) -> Result<Left, WorkerError> {
        let begun = Instant::now();
        let found = match self.plan().await {
            Ok(found) => found,
            Err(error) => {
                self.watch.hear(&Event::Unplanned { error: &error, took: begun.elapsed() });
                return Err(error);
            }
        };
        let Some((plan, ours)) = found else { return Ok(Left::Drained) };
        self.watch.hear(&Event::Planned { plan: &plan, ours, took: begun.elapsed() });
        let shared = Arc::new(Shared {
            ledger: self.ledger.clone(),
            plan: Arc::new(plan),
            source: self.sources.source.clone(),
            destination: self.sources.destination.clone(),
            marks: Marks::new(self.ledger.uid(), &self.settings),
            spool: Spool::new(&self.settings),
            settings: self.settings.clone(),
            transcriber: Arc::clone(&self.transcriber),
            watch: Arc::clone(&self.watch),
            drain: self.drain.clone(),
        });
        hunting::hunt(&shared).await
    }
}

/// How many sessions have files that they have not begun: while one has, no other shard is claimed.
#[derive(Clone, Debug, Default)]
struct Loads {
    loaded: Arc<AtomicUsize>,
    changed: Arc<Notify>,
}

/// One session's part of [`Loads`].
#[derive(Debug)]
struct Load {
    all: Loads,
    is_loaded: bool,
}

impl Loads {
    /// A session that is about to begin: it counts as loaded until it says otherwise.
    fn one(&self) -> Load {
        self.loaded.fetch_add(1, Ordering::SeqCst);
        Load { all: self.clone(), is_loaded: true }
    }

    fn any(&self) -> bool {
        self.loaded.load(Ordering::SeqCst) > 0
    }
}

impl Load {
    fn set(&mut self, loaded: bool) {
        if std::mem::replace(&mut self.is_loaded, loaded) != loaded {
            if loaded {
                self.all.loaded.fetch_add(1, Ordering::SeqCst);
            } else {
                self.all.loaded.fetch_sub(1, Ordering::SeqCst);
                self.all.changed.notify_one();
            }
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.set(false);
    }
}
