//! `verbatim model`.

use std::io;

use crate::args::ModelCommand;
use crate::error::CommandError;
use crate::exit;
use verbatim_models as models;

/// Runs a subcommand of `verbatim model`. Returns the exit code.
///
/// # Errors
/// [`CommandError::Configuration`] names what is missing.
pub fn model(command: &ModelCommand) -> Result<u8, CommandError> {
    let mut out = io::stdout().lock();
    let done = match command {
        ModelCommand::List => models::list(&mut out),
        ModelCommand::Pull(args) => models::pull(&args.name, args.gpu, &mut out),
        ModelCommand::Show(args) => models::show(&args.name, args.path, &mut out),
        ModelCommand::Verify(args) => models::verify(&args.name, &mut out),
    };
    done.map(|()| exit::DONE).map_err(|error| CommandError::configuration(&error))
}
