//! Exit codes. Those that the operator knows are in the contract; a signal adds to them.

pub use verbatim_crds::contract::exit::{CONFIGURATION, DONE, DRAINED, SOME_FAILED, USAGE};

/// Added to the number of the signal that ended a run, as shells do: 130 for SIGINT, 143 for SIGTERM.
pub const SIGNALLED: u8 = 128;
/// Ended by SIGTERM.
pub const TERMINATED: u8 = SIGNALLED + 15;
