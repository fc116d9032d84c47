//! The program `verbatim-operator`.

use std::process::ExitCode;

fn main() -> ExitCode {
    verbatim_operator::run::main()
}
