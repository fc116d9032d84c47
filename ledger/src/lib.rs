//! The whole state of a job, as objects in its destination: plan, claims on shards, commits, report.
//!
//! Knows stores through [`verbatim_store::ObjectStore`] alone, and nothing about audio or models.

pub mod claim;
pub mod job_uid;
pub mod keys;
mod objects;
pub mod outcome;
pub mod plan;
pub mod probe;
pub mod progress;
pub mod report;
pub mod shard_record;
pub mod shard_selection;
pub mod status;
pub mod store_location;
pub mod worker;
