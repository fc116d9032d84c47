//! The command line: words in, exit code out. Everything that is said to people is said here.

pub mod args;
pub mod bench;
pub mod engines;
pub mod escape;
pub mod exit;
pub mod farewell;
pub mod job;
pub mod look;
pub mod memory;
pub mod model;
pub mod observed;
pub mod outcomes;
pub mod report;
pub mod run;
pub mod say;
pub mod signals;
pub mod soak;
pub mod summary;
pub mod tally;
pub mod told;
pub mod traces;
pub mod transcribe;
pub mod work;
#[cfg(test)]
mod work_tests;
pub mod worker;
pub mod wrong;

use std::process::ExitCode;
use std::sync::{Arc, atomic::AtomicBool};

use clap::Parser;

pub use verbatim_text as text;

use verbatim_protocol::options::EngineOptions;
use verbatim_protocol::transcriber::Transcriber;
use verbatim_supervisor::engine_event::Observer;
use verbatim_supervisor::policy::Policy;
use verbatim_supervisor::start::StartError;

/// Makes an engine, unless the flag is set meanwhile. Given from outside, so that the command line can be tested without
/// a model.
pub type Loader =
    fn(&EngineOptions, Policy, Arc<dyn Observer>, &AtomicBool) -> Result<Box<dyn Transcriber>, StartError>;

/// Why a command did not begin its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// The configuration is wrong: the manifest, the model, or what it needs.
    #[error("{0}")]
    Configuration(String),
    /// This machine cannot do it now.
    #[error("{0}")]
    Failed(String),
    /// A signal came before there was anything to end.
    #[error("interrupted before the work began")]
    Interrupted(u8),
}

impl CommandError {
    /// A wrong command line, told with all causes.
    pub fn usage(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Usage(verbatim_text::error_chain(error))
    }

    /// A wrong configuration, told with all causes.
    pub fn configuration(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Configuration(verbatim_text::error_chain(error))
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => exit::USAGE,
            Self::Configuration(_) => exit::CONFIGURATION,
            Self::Failed(_) => exit::SOME_FAILED,
            Self::Interrupted(code) => *code,
        }
    }
}

/// Does what the process's arguments say.
pub fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => {
            // Help goes to standard output, errors to standard error; a closed pipe is no reason to fail.
            let _ = told.print();
            return ExitCode::from(if told.use_stderr() { exit::USAGE } else { exit::DONE });
        }
    };
    let say = say::Say::new(&cli.telling);
    let load: Loader = verbatim_supervisor::start::start_boxed;
    let outcome = match &cli.command {
        args::Command::Engine => return verbatim_engine::process::main(verbatim_engine::load::load),
        args::Command::Transcribe(options) => transcribe::transcribe(options, &say, load),
        args::Command::Run(options) => run::run(options, &say, load),
        args::Command::Worker(options) => worker::worker(options, &say, load),
        args::Command::Plan(options) => look::plan(options, &say),
        args::Command::Status(options) => look::status(options, &say),
        args::Command::Report(options) => outcomes::report(options, &say),
        args::Command::Soak(options) => soak::soak(options, &say),
        args::Command::Model(command) => model::model(command),
        args::Command::Schema => model::schema(),
        args::Command::Bench(options) => bench::bench(options, &say, load),
    };
    let code = outcome.unwrap_or_else(|error| {
        say.error(&error.to_string());
        error.exit_code()
    });
    ExitCode::from(code)
}
