//! Whether a recording has its transcript already.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use sha2::{Digest, Sha256};

use crate::local::plan::Item;
use crate::output::format::Format;
use verbatim_protocol::transcript::{SCHEMA_VERSION, Transcript};

/// Bytes that are read at once while a file is hashed: few enough that an interrupt is heard within milliseconds.
const CHUNK: usize = 1 << 20;

/// What to do where a transcript is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Transcribe again if the recording, the model or the settings are others than those that made it.
    IfStale,
    /// Leave it, whatever made it.
    Never,
    /// Transcribe again.
    Always,
}

/// What a transcript has to come from to be fresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Digest of the model.
    pub model: String,
    /// Digest of the settings of all recordings.
    pub config: String,
}

/// What is still to be done for a recording.
#[derive(Debug, PartialEq)]
pub enum Need {
    /// Everything.
    Transcribe,
    /// Nothing.
    Nothing,
    /// Files of these formats, from the transcript that is there.
    Render(Box<Transcript>, Vec<Format>),
}

/// Looks at what is there for a recording.
///
/// JSON is the truth: without it among `formats` nothing tells what a file was made from, so with
/// [`Overwrite::IfStale`] the recording is transcribed again. The recording is read, to compare its digest, only
/// where everything else is as it should be; when `stop` is set on the way, it counts as not done.
pub fn need(
    item: &Item,
    formats: &[Format],
    overwrite: Overwrite,
    origin: &Origin,
    stop: &AtomicBool,
) -> Need {
    if overwrite == Overwrite::Always {
        return Need::Transcribe;
    }
    let missing: Vec<Format> = formats
        .iter()
        .copied()
        .filter(|format| item.target.path(*format).is_none_or(|path| !path.exists()))
        .collect();
    if !formats.contains(&Format::Json) {
        let done = overwrite == Overwrite::Never && missing.is_empty();
        return if done { Need::Nothing } else { Need::Transcribe };
    }
    let Some(path) = item.target.path(Format::Json).filter(|path| path.exists()) else {
        return Need::Transcribe;
    };
    let there = read(&path);
    if overwrite == Overwrite::IfStale
        && !there.as_ref().is_some_and(|transcript| is_fresh(transcript, item, origin, stop))
    {
        return Need::Transcribe;
    }
    match there {
        Some(transcript) if !missing.is_empty() => Need::Render(Box::new(transcript), missing),
        _ => Need::Nothing,
    }
}

/// The transcript in a file; none where the file is not one of ours.
fn read(path: &Path) -> Option<Transcript> {
    let bytes = std::fs::read(path).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn is_fresh(transcript: &Transcript, item: &Item, origin: &Origin, stop: &AtomicBool) -> bool {
    transcript.schema_version == SCHEMA_VERSION
        && transcript.model.digest == origin.model
        && transcript.config_digest == item.overrides.config_digest(&origin.config)
        && transcript.source.bytes == item.bytes
        && sha256(&item.path, stop).is_ok_and(|digest| digest == transcript.source.sha256)
}

/// Digest of a file's bytes, as lower-case hexadecimal digits.
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
