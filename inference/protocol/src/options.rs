//! What an engine is asked to be. Plain values; no I/O.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::task::ChannelMode;

/// Sixteen segments of the greatest length (15 s).
pub const DEFAULT_MAX_PADDED_SECONDS: f64 = 240.0;

/// A whole day: longer recordings are a mistake more often than not. Memory does not depend on it.
pub const DEFAULT_MAX_AUDIO_SECONDS: f64 = 86_400.0;

/// Raised when the engine's results change for the same model and settings, so that older transcripts count as
/// stale.
pub const RECOGNITION_VERSION: u32 = 1;

/// What an engine is asked to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngineOptions {
    /// Name of a model, as `verbatim model list` shows it, or path of a prepared model's folder.
    pub model: String,
    /// Language of the recordings; absent: the model's own.
    pub language: Option<String>,
    /// Where the model runs.
    pub device: Device,
    /// What to do with the channels of a recording.
    pub channels: ChannelMode,
    /// Threads that compute; at least 1.
    pub threads: usize,
    /// Greatest sum of the segments' lengths in a batch, in seconds, each counted as long as the longest of them.
    pub max_padded_seconds: f64,
    /// Longer recordings fail with `TooLong`; in seconds.
    pub max_audio_seconds: f64,
    /// How speech is found.
    pub vad: VadOptions,
}

impl EngineOptions {
    /// Digest of everything but the model that decides what a transcript says: `sha256:` and 64 hexadecimal digits.
    ///
    /// Device, threads and budget are left out: a file's transcript does not depend on them.
    pub fn config_digest(&self) -> String {
        let text = format!(
            "recognition {RECOGNITION_VERSION}\nlanguage {:?}\nchannels {:?}\nvad {:?}\n",
            self.language, self.channels, self.vad
        );
        format!("sha256:{}", hex::encode(Sha256::digest(text)))
    }
}

/// How speech is found (voice activity detection). Names and defaults are Silero's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VadOptions {
    /// Probability at which speech begins, 0 to 1. Higher finds less.
    pub threshold: f64,
    /// Probability below which speech ends; absent: 0.15 below `threshold`.
    pub negative_threshold: Option<f64>,
    /// Shorter stretches of speech are dropped; in milliseconds.
    pub min_speech_milliseconds: u32,
    /// Shorter pauses do not end a stretch of speech; in milliseconds.
    pub min_silence_milliseconds: u32,
    /// Kept before and after each stretch of speech; in milliseconds.
    pub speech_pad_milliseconds: u32,
    /// Longer stretches of speech are cut; in seconds. Less where the model takes less.
    pub max_speech_seconds: f64,
}

impl Default for VadOptions {
    fn default() -> Self {
        // The manifest's defaults: one place for both.
        let vad = verbatim_crds::recognition::Vad::default();
        Self {
            threshold: vad.threshold,
            negative_threshold: vad.negative_threshold,
            min_speech_milliseconds: vad.min_speech_milliseconds,
            min_silence_milliseconds: vad.min_silence_milliseconds,
            speech_pad_milliseconds: vad.speech_pad_milliseconds,
            max_speech_seconds: vad.max_speech_seconds,
        }
    }
}

/// Where the model runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Device {
    /// The first GPU that works, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device of that number.
    Cuda(u32),
}

/// A text that names no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a device: write auto, cpu, cuda, or cuda:N")]
pub struct DeviceError(String);

impl FromStr for Device {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let wrong = || DeviceError(text.to_owned());
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => {
                let number = text.strip_prefix("cuda:").ok_or_else(wrong)?;
                number.parse().map(Self::Cuda).map_err(|_| wrong())
            }
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> EngineOptions {
        EngineOptions {
            model: "moonshine-tiny-en".to_owned(),
            language: None,
            device: Device::Auto,
            channels: ChannelMode::Mix,
            threads: 2,
            max_padded_seconds: DEFAULT_MAX_PADDED_SECONDS,
            max_audio_seconds: DEFAULT_MAX_AUDIO_SECONDS,
            vad: VadOptions::default(),
        }
    }

    #[test]
    fn devices() {
        for (text, device) in [("auto", Device::Auto), ("cpu", Device::Cpu), ("cuda:3", Device::Cuda(3))] {
            assert_eq!(text.parse(), Ok(device));
            assert_eq!(device.to_string(), text);
        }
        assert_eq!("cuda".parse(), Ok(Device::Cuda(0)));
        for wrong in ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "CPU"] {
            assert_eq!(wrong.parse::<Device>(), Err(DeviceError(wrong.to_owned())));
        }
    }

    #[test]
    fn digest_follows_what_decides_the_text() {
        let base = options();
        let changes: [fn(&mut EngineOptions); 4] = [
            |options| options.language = Some("de".to_owned()),
            |options| options.channels = ChannelMode::Split,
            |options| options.vad.threshold = 0.6,
            |options| options.vad.max_speech_seconds = 10.0,
        ];
        for change in changes {
            let mut other = base.clone();
            change(&mut other);
            assert_ne!(other.config_digest(), base.config_digest(), "{other:?}");
        }
        let mut same = base.clone();
        same.threads = 1;
        same.device = Device::Cpu;
        same.max_padded_seconds = 1.0;
        assert_eq!(same.config_digest(), base.config_digest());
    }
}
