//! Claims: a worker's lease on a shard. What can go wrong and which side loses is in `claim.md`, beside this file.

pub mod body;
pub mod machine;

pub use self::body::{Claim, Done, FinishedBytes, Standing};
pub use self::machine::{Answer, Machine, Request, Wish};
