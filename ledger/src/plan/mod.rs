//! The plan: the immutable list of a job's recordings, split into shards; made once.
//!
//! [`make()`] lists the source, resolves the key of each transcript, finds existing transcripts, splits the
//! recordings into shards and writes them; [`draft()`] does the same without a write. Data of fixed size per
//! recording is in memory, the rest on disk (`catalog.rs`).

mod catalog;
mod digest;
mod discover;
mod draft;
mod error;
mod existing;
mod explicit;
pub mod extension;
mod head;
pub mod list;
mod listing;
mod make;
pub(crate) mod naming;
pub mod patterns;
pub mod planned_file;
mod read;
mod record_file;
mod resolve_targets;
mod shard;

pub use self::draft::{Draft, PlanInput, draft};
pub use self::error::{LineProblem, PlanError};
pub use self::head::{LeftOut, MAX_FILES, Plan, Shard, VERSION};
pub use self::listing::Listed;
pub use self::make::make;
pub use self::planned_file::PlannedFile;
pub use self::read::{read_plan, read_shard, read_shard_of};

#[cfg(test)]
mod tests;
