//! `verbatim model` and `verbatim schema`: what is told on standard output.

use std::io::{self, Write};

use crate::commands::args::Model;
use crate::commands::{CommandError, exit};
use verbatim_models as assets;
use verbatim_protocol::transcript::Transcript;

/// Does what `verbatim model` says.
///
/// # Errors
/// [`CommandError::Configuration`] names what is missing.
pub fn model(command: &Model) -> Result<u8, CommandError> {
    let mut out = io::stdout().lock();
    let done = match command {
        Model::List => assets::list(&mut out),
        Model::Pull(model) => assets::pull(&model.name, model.gpu, &mut out),
        Model::Show(model) => assets::show(&model.name, model.path, &mut out),
        Model::Verify(model) => assets::verify(&model.name, &mut out),
    };
    done.map(|()| exit::DONE).map_err(|error| CommandError::configuration(&error))
}

/// Prints the JSON schema of a transcript.
///
/// # Errors
/// [`CommandError::Configuration`] when standard output is closed.
pub fn schema() -> Result<u8, CommandError> {
    let text = schema_text().map_err(|error| CommandError::configuration(&error))?;
    io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .map(|()| exit::DONE)
        .map_err(|error| CommandError::configuration(&error))
}

/// The JSON schema of a transcript, as it is committed in `docs/transcript.schema.json`.
///
/// # Errors
/// None that a schema without maps of odd keys can have; passed on from `serde_json` all the same.
pub fn schema_text() -> serde_json::Result<String> {
    serde_json::to_string_pretty(&schemars::schema_for!(Transcript)).map(|text| text + "\n")
}
