//! Exit codes. The contract has those that the operator knows; signals have codes of their own.

pub use verbatim_crds::contract::exit::{CONFIGURATION, DONE, DRAINED, SOME_FAILED, USAGE};

/// Added to the number of the signal that ended a run, as shells do: 130 for SIGINT, 143 for SIGTERM.
pub const SIGNALLED: u8 = 128;
/// Ended by SIGTERM.
pub const TERMINATED: u8 = SIGNALLED + 15;

/// Exit code after a signal. For a run that drains, SIGTERM means: run the command again for the rest.
pub fn after_signal(code: u8, drains: bool) -> u8 {
    if drains && code == TERMINATED { DRAINED } else { code }
}
