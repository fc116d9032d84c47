//! Task for the engine: one audio file, with its overrides and an optional injected fault.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Treatment of a recording's channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ChannelMode {
    /// Mix all channels into one, by their levels.
    #[default]
    Mix,
    /// Transcribe each channel separately; segments carry their channel.
    Split,
    /// Transcribe only this channel, counted from 0; segments carry it.
    Only(u16),
}

/// Settings of one recording, from a list, that override those of the job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOverrides {
    /// The only channel to transcribe, counted from 0.
    pub channel: Option<u16>,
    /// Language of the recording.
    pub language: Option<String>,
}

impl FileOverrides {
    /// Treatment of this recording's channels; `default` is the job's.
    pub fn channels(&self, default: ChannelMode) -> ChannelMode {
        self.channel.map_or(default, ChannelMode::Only)
    }

    /// Digest of this recording's settings; `job` is the digest of the job's, which applies if nothing is
    /// overridden.
    pub fn config_digest(&self, job: &str) -> String {
        if *self == Self::default() {
            return job.to_owned();
        }
        let text = format!("{job}\nchannel {:?}\nlanguage {:?}\n", self.channel, self.language);
        format!("sha256:{}", hex::encode(Sha256::digest(text)))
    }
}

/// One audio file to transcribe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileTask {
    /// Number of the task, chosen by the caller; every event carries it.
    pub id: usize,
    /// Path of a local, seekable file.
    #[serde(with = "as_os_string")]
    pub path: PathBuf,
    /// Name for people, if it differs from the path. Not sent to the engine, which does not need it.
    #[serde(skip)]
    pub name: Option<String>,
    /// Settings of this file alone.
    pub overrides: FileOverrides,
    /// Fault to inject while the engine works on this file.
    pub fault: Option<InjectedFault>,
}

/// Paths as raw bytes of the system: serde requires paths to be UTF-8, which file names need not be.
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

/// Fault to inject, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InjectedFault {
    /// Kind of fault.
    pub fault: Fault,
    /// Whether to inject it at every attempt for the file, instead of the first one only.
    pub every_attempt: bool,
}

/// Kind of a fault in an engine, injected by `verbatim soak --inject` to test that the supervisor detects it.
/// All but `Leak` happen when the file is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// The engine aborts.
    Crash,
    /// The decoder never returns, so that the file is never done.
    Hang,
    /// The engine allocates until the allocator fails. Its address space is limited first, to protect the
    /// machine.
    OutOfMemory,
    /// The engine allocates until the kernel kills a process. For a cgroup with a memory limit.
    FillMemory,
    /// The engine sends malformed bytes.
    Malformed,
    /// The engine receives SIGKILL from outside.
    Kill,
    /// The engine receives SIGSTOP from outside.
    Stop,
    /// The engine leaks this many bytes when the file is done.
    Leak(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_depends_on_every_override() {
        let digest = |channel, language: Option<&str>| {
            FileOverrides { channel, language: language.map(str::to_owned) }.config_digest("sha256:job")
        };
        assert_eq!(digest(None, None), "sha256:job");
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
