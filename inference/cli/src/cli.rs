//! From arguments to an exit code: parses the command line and dispatches to a command.

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::commands::{bench, model, plan, report, run, schema, soak, status, transcribe, worker};
use crate::console::Console;
use crate::engine_start::EngineLoader;
use crate::exit;

/// Runs the command that the process's arguments name.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to standard output, errors to standard error. A closed pipe is no reason to fail.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::DONE });
        }
    };
    let console = Console::new(&cli.output);
    let load: EngineLoader = verbatim_supervisor::start::start_boxed;
    let result = match &cli.command {
        Command::Engine => return verbatim_engine::process::main(verbatim_engine::load::load),
        Command::Transcribe(args) => transcribe::transcribe(args, &console, load),
        Command::Run(args) => run::run(args, &console, load),
        Command::Worker(args) => worker::worker(args, &console, load),
        Command::Plan(args) => plan::plan(args, &console),
        Command::Status(args) => status::status(args, &console),
        Command::Report(args) => report::report(args, &console),
        Command::Soak(args) => soak::soak(args, &console),
        Command::Model(command) => model::model(command),
        Command::Schema => schema::schema(),
        Command::Bench(args) => bench::bench(args, &console, load),
    };
    let code = result.unwrap_or_else(|error| {
        console.error(&error.to_string());
        error.exit_code()
    });
    ExitCode::from(code)
}
