//! Task for the engine: one audio file, with its overrides and injected fault.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

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
pub struct FileOverrides {
    /// The one channel to transcribe, from 0.
    pub channel: Option<u16>,
    /// Its language.
    pub language: Option<String>,
}

impl FileOverrides {
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
    pub overrides: FileOverrides,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_follows_what_is_wished() {
        let digest = |channel, language: Option<&str>| {
            FileOverrides { channel, language: language.map(str::to_owned) }.config_digest("sha256:all")
        };
        assert_eq!(digest(None, None), "sha256:all");
        let all: std::collections::BTreeSet<String> = [
            digest(None, None),
            digest(Some(0), None),
            digest(Some(1), None),
            digest(None, Some("en")),
            digest(None, Some("de")),
            digest(Some(1), Some("en")),
            FileOverrides { channel: Some(1), language: None }.config_digest("sha256:other"),
        ]
        .into();
        assert_eq!(all.len(), 7);
        assert_eq!(digest(Some(1), Some("en")), digest(Some(1), Some("en")));
    }
}
