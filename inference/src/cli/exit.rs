//! Exit codes, once.

/// Every recording has its transcript, or had it already.
pub const DONE: u8 = 0;
/// Some recordings have no transcript; all the others have.
pub const SOME_FAILED: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// The configuration is wrong: the manifest, the model, or what it needs (sysexits' `EX_CONFIG`).
pub const CONFIGURATION: u8 = 78;
/// Added to the number of the signal that ended a run, as shells do: 130 for SIGINT, 143 for SIGTERM.
pub const SIGNALLED: u8 = 128;
