//! Jobs in real pods, on the node that `scripts/cluster/up.sh` starts: `make test-node`.
//!
//! The tests run one at a time: they stop servers that all of them need.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test may fail so, helpers of it included")]

mod cgroups;
mod complete;
mod disturbed;
mod failed;
mod helm;
mod node;
mod policies;
mod queries;
mod recordings;
mod recycled;
mod run;
mod safe;
