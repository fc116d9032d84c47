//! A worker: finds or makes the plan, claims shards, has their recordings transcribed, commits the
//! transcripts, records the outcomes, writes the report.
//!
//! All its knowledge of the job is in the ledger. Any number of workers share a job without knowing each
//! other.

mod acquire;
mod backlog;
mod claim_driver;
mod claim_loop;
mod commit;
mod context;
mod drain;
mod error;
pub mod events;
mod find_plan;
mod finish;
mod process_file;
mod recording_spool;
mod run;
mod session;
pub mod settings;
pub mod timings;
pub mod transcribe;

pub(crate) use self::claim_driver::read_claim;
pub use self::context::{StopReason, Worker};
pub use self::drain::Drain;
pub use self::error::{SpoolError, WorkerError};
pub use self::events::SessionEnd;
pub(crate) use self::finish::read_record;
pub use self::finish::read_report;
pub use self::settings::Settings;
