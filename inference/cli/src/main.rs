//! The `verbatim` binary.

use std::process::ExitCode;

use verbatim_protocol::environment::TELEMETRY_OFF_VARIABLE;

fn main() -> ExitCode {
    // SAFETY: no other thread is running yet, so nobody reads the environment meanwhile.
    unsafe { std::env::set_var(TELEMETRY_OFF_VARIABLE, "1") };
    verbatim::commands::main()
}
