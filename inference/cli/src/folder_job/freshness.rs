//! Whether a recording has a fresh transcript, by the rule that jobs over stores have as well
//! (`verbatim_ledger::freshness`). The evidence is the JSON transcript: it has the digests of the recording's
//! content, of the model and of the settings.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};
use verbatim_crds::destination::{Format, Overwrite};
use verbatim_ledger::freshness::{Decision, decide};
use verbatim_protocol::transcript::{SCHEMA_VERSION, Transcript};

use super::plan::Recording;
use super::run_input::{Origin, RunInput};

/// Bytes that are hashed between two looks at the stop flag: an interrupt takes effect within milliseconds.
const CHUNK: usize = 1 << 20;

/// Work that is left for a recording.
#[derive(Debug, PartialEq)]
pub(super) enum Need {
    /// Transcription.
    Transcribe,
    /// None.
    Nothing,
    /// Files of these formats, rendered from the existing transcript.
    Render(Box<Transcript>, Vec<Format>),
}

/// Work that is left for a recording. The recording is read, to compare its digest, only where all other
/// evidence says that its transcript is fresh; when `stop` is set meanwhile, the transcript counts as stale.
pub(super) fn need(input: &RunInput<'_>, recording: &Recording, stop: &AtomicBool) -> Need {
    if input.overwrite == Overwrite::Always {
        return Need::Transcribe;
    }
    let exists = |format: Format| recording.target.path(format).is_some_and(|path| path.exists());
    let missing: Vec<Format> = input.formats.iter().copied().filter(|format| !exists(*format)).collect();
    let has_json = input.formats.contains(&Format::Json);
    let decision = match (has_json, input.overwrite) {
        (true, overwrite) => decide(overwrite, !missing.contains(&Format::Json)),
        // Without JSON no file is evidence of the others, and none says what it was made from.
        (false, Overwrite::Never) => decide(Overwrite::Never, missing.is_empty()),
        (false, _) => Decision::Transcribe,
    };
    let existing = || read(&recording.target.path(Format::Json)?);
    match decision {
        Decision::Transcribe => Need::Transcribe,
        Decision::Skip if missing.is_empty() => Need::Nothing,
        Decision::Skip => existing().map_or(Need::Nothing, |json| Need::Render(Box::new(json), missing)),
        Decision::SkipIfFresh => match existing() {
            Some(json) if is_fresh(&json, recording, &input.origin, stop) => {
                if missing.is_empty() {
                    Need::Nothing
                } else {
                    Need::Render(Box::new(json), missing)
                }
            }
            _ => Need::Transcribe,
        },
    }
}

/// The transcript in a file; none where the file is not a transcript of Verbatim.
fn read(path: &Path) -> Option<Transcript> {
    let bytes = std::fs::read(path).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn is_fresh(transcript: &Transcript, recording: &Recording, origin: &Origin, stop: &AtomicBool) -> bool {
    transcript.schema_version == SCHEMA_VERSION
        && transcript.model.digest == origin.model
        && transcript.config_digest == recording.overrides.config_digest(&origin.config)
        && transcript.source.bytes == recording.bytes
        && sha256(&recording.path, stop).is_ok_and(|digest| digest == transcript.source.sha256)
}

/// Digest of a file's content, as lower-case hexadecimal digits.
fn sha256(path: &Path, stop: &AtomicBool) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match file.read(&mut chunk) {
            Ok(0) => return Ok(hex::encode(hash.finalize())),
            Ok(count) => hash.update(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
