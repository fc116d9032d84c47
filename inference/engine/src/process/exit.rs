//! Exit of the engine process without a usable supervisor.

use std::error::Error;

/// Exit code without a supervisor, or with one that violates the protocol (`EX_PROTOCOL` of sysexits).
pub(super) const NO_SUPERVISOR: u8 = 76;

/// Prints an error and its causes. The supervisor keeps the last lines of standard error, and a person who
/// runs the command by hand sees them.
pub(super) fn print(error: &(dyn Error + 'static)) {
    eprintln!("verbatim engine: {}", verbatim_text::error_chain(error));
}

/// Ends the process with [`NO_SUPERVISOR`].
pub(super) fn without_supervisor() -> ! {
    std::process::exit(i32::from(NO_SUPERVISOR))
}
