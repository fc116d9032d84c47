//! What the engine is asked to do and what it answers. Plain values: they will cross a process boundary.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::engine::failure::Failure;
use crate::output::transcript::{Audio, Segment};

/// What to do with the channels of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ChannelMode {
    /// Average all channels into one.
    #[default]
    Mix,
    /// Transcribe each channel alone; segments carry their channel.
    Split,
    /// Transcribe this channel, from 0, and leave out the others; segments carry it.
    Only(u16),
}

/// What a list says of one recording, over what the job says of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The one channel to transcribe, from 0.
    pub channel: Option<u16>,
    /// Its language.
    pub language: Option<String>,
}

impl Wish {
    /// What to do with the channels of this recording, where `all` is done with those of the others.
    pub fn channels(&self, all: ChannelMode) -> ChannelMode {
        self.channel.map_or(all, ChannelMode::Only)
    }

    /// Digest of this recording's settings, where `all` is that of the others' (which it is where nothing is wished).
    pub fn config_digest(&self, all: &str) -> String {
        if *self == Self::default() {
            return all.to_owned();
        }
        let text = format!("{all}\nchannel {:?}\nlanguage {:?}\n", self.channel, self.language);
        format!("sha256:{}", hex::encode(Sha256::digest(text)))
    }
}

/// One audio file to transcribe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileTask {
    /// The caller's number for the file; every event names it.
    pub id: usize,
    /// Where the bytes are: a local, seekable file.
    #[serde(with = "as_os_string")]
    pub path: PathBuf,
    /// How people know it, where that is not its path. The engine is not told: it has no use for it.
    #[serde(skip)]
    pub name: Option<String>,
    /// What is wished for it alone.
    pub wish: Wish,
    /// What is to go wrong with it, on purpose.
    pub fault: Option<Injected>,
}

/// Paths as the system has them: serde takes a path for text, and names of files need not be.
mod as_os_string {
    use std::{
        ffi::OsString,
        path::{Path, PathBuf},
    };

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        path.as_os_str().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        OsString::deserialize(deserializer).map(PathBuf::from)
    }
}

/// A fault, and how often it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injected {
    /// What goes wrong.
    pub fault: Fault,
    /// Each time that the file is tried, and not the first time alone.
    pub every_attempt: bool,
}

/// What can be made to go wrong in an engine, to see that its supervisor finds it: `verbatim soak --inject`. All but
/// `Leak` strike when the file is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// The engine aborts.
    Crash,
    /// The file is never done, in a decoder that does not end.
    Hang,
    /// The engine allocates until the allocator refuses; its address space is limited first, to spare the machine.
    OutOfMemory,
    /// The engine takes memory until the kernel kills something: for a cgroup with a limit.
    FillMemory,
    /// The engine sends what is no message.
    Malformed,
    /// The engine gets a SIGKILL from outside.
    Kill,
    /// The engine gets a SIGSTOP from outside.
    Stop,
    /// The engine does not give back so many bytes when the file is done.
    Leak(u64),
}

/// What the engine reports. For each task: `Begun`, any number of `Progress`, then exactly one `Done` or `Failed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The file's first byte is about to be read.
    Begun {
        /// The task.
        id: usize,
    },
    /// More of the file has been heard.
    Progress {
        /// The task.
        id: usize,
        /// Seconds of the file's audio decoded so far.
        audio_seconds: f64,
        /// Bytes of the file read so far: how far that is, since its length in seconds is not known before its end.
        bytes_read: u64,
    },
    /// The file is done.
    Done {
        /// The task.
        id: usize,
        /// What was heard.
        result: FileResult,
    },
    /// The file could not be transcribed.
    Failed {
        /// The task.
        id: usize,
        /// Why.
        failure: Failure,
    },
}

impl Event {
    /// The task that it is about.
    pub fn id(&self) -> usize {
        match self {
            Self::Begun { id }
            | Self::Progress { id, .. }
            | Self::Done { id, .. }
            | Self::Failed { id, .. } => *id,
        }
    }
}

/// The engine's result for one file; the caller adds what only it knows (names, model) to make a transcript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileResult {
    /// Stretches of speech, by start time, then channel; empty for a file without speech.
    pub segments: Vec<Segment>,
    /// What the audio was like.
    pub audio: Audio,
    /// SHA-256 of the file's bytes, lower-case hexadecimal, computed from the bytes that were decoded.
    pub sha256: String,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// What was wrong but not fatal, as "cut in the middle: decoded up to 12.3 s"; for the log and the summary.
    pub warnings: Vec<String>,
    /// Wall-clock seconds from the file's first byte to its last segment.
    pub processing_seconds: f64,
    /// Where those went.
    pub parts: Parts,
}

/// Where a file's time went, in wall-clock seconds since its first byte. The parts overlap: the model begins with the first
/// segments while later ones are decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// When all of it was decoded, and speech in it found.
    pub decoded: f64,
    /// When the model took its first segment, and when it gave its last one back; nothing without speech.
    pub model: Option<(f64, f64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_follows_what_is_wished() {
        let digest = |channel, language: Option<&str>| {
            Wish { channel, language: language.map(str::to_owned) }.config_digest("sha256:all")
        };
        assert_eq!(digest(None, None), "sha256:all");
        let all: std::collections::BTreeSet<String> = [
            digest(None, None),
            digest(Some(0), None),
            digest(Some(1), None),
            digest(None, Some("en")),
            digest(None, Some("de")),
            digest(Some(1), Some("en")),
            Wish { channel: Some(1), language: None }.config_digest("sha256:other"),
        ]
        .into();
        assert_eq!(all.len(), 7);
        assert_eq!(digest(Some(1), Some("en")), digest(Some(1), Some("en")));
    }
}
