//! `verbatim schema`: the JSON schema of a transcript.

use std::io::{self, Write};

use verbatim_protocol::transcript::Transcript;

use crate::error::CommandError;
use crate::exit;

/// Prints the JSON schema of a transcript. Returns the exit code.
///
/// # Errors
/// [`CommandError::Configuration`] when standard output is closed.
pub fn schema() -> Result<u8, CommandError> {
    let text = schema_text().map_err(|error| CommandError::configuration(&error))?;
    let written = io::stdout().lock().write_all(text.as_bytes());
    written.map(|()| exit::DONE).map_err(|error| CommandError::configuration(&error))
}

/// The JSON schema of a transcript, as committed in `docs/transcript.schema.json`.
///
/// # Errors
/// `serde_json`'s; none can occur, since the schema has no maps with keys other than strings.
pub fn schema_text() -> serde_json::Result<String> {
    serde_json::to_string_pretty(&schemars::schema_for!(Transcript)).map(|text| text + "\n")
}
