//! All state of a job as objects in its destination: the plan, claims on its shards, commits, the report.
//!
//! Knows stores through [`verbatim_store::ObjectStore`] alone, and nothing of audio or models.

pub mod claim;
pub mod freshness;
pub mod hunt;
pub mod job;
pub mod names;
mod objects;
pub mod outcome;
pub mod place;
pub mod plan;
pub mod probe;
pub mod progress;
pub mod record;
pub mod report;
pub mod status;
pub mod worker;
