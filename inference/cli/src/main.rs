//! The `verbatim` binary.

use std::process::ExitCode;

use verbatim_protocol::environment::TELEMETRY_OFF_VARIABLE;

fn main() -> ExitCode {
    // SAFETY: no other thread is running yet that could read the environment.
    unsafe { std::env::set_var(TELEMETRY_OFF_VARIABLE, "1") };
    verbatim::cli::main()
}
