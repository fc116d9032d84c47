//! Claims: a worker's lease on a shard. The races, and who loses each, are in `claim.md` beside this file.

pub mod body;
pub mod machine;

pub use self::body::{Claim, FinishedBytes, ShardOutcomes, Standing};
pub use self::machine::{Answer, Command, Machine, Request};
