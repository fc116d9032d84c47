//! Conformance of every store, and hostile uses of the store in a folder. One binary: each links the AWS SDK.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod conformance;
mod fs;
mod fs_hostile;
mod fs_many;
mod fs_processes;
mod memory;
