//! Options of an engine. Plain values; no I/O.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::task::ChannelMode;

/// Default batch budget in seconds: sixteen segments of the maximum length (15 s).
pub const DEFAULT_MAX_PADDED_SECONDS: f64 = 240.0;

/// Default maximum length of a recording in seconds: a whole day. Longer recordings are usually a mistake.
/// Memory does not depend on this limit.
pub const DEFAULT_MAX_AUDIO_SECONDS: f64 = 86_400.0;

/// Version of the engine's results. Raised when they change for the same model and settings, so that older
/// transcripts count as stale.
pub const RECOGNITION_VERSION: u32 = 1;

/// Options of an engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngineOptions {
    /// Name of a model as in `verbatim model list`, or path of the folder of a prepared model.
    pub model: String,
    /// Language of the recordings; `None`: the model's own.
    pub language: Option<String>,
    /// Device for the model.
    pub device: Device,
    /// Treatment of a recording's channels.
    pub channels: ChannelMode,
    /// Number of inference threads; at least 1.
    pub threads: usize,
    /// Batch budget: maximum total length of the segments in a batch, in seconds, each counted with the
    /// length of the longest.
    pub max_padded_seconds: f64,
    /// Maximum length of a recording in seconds; longer ones fail with `TooLong`.
    pub max_audio_seconds: f64,
    /// Settings of voice activity detection.
    pub vad: VadOptions,
}

impl EngineOptions {
    /// Digest of all settings, apart from the model, that determine the text of a transcript: `sha256:` and
    /// 64 hexadecimal digits.
    ///
    /// Device, threads and budget are excluded: the text does not depend on them.
    pub fn config_digest(&self) -> String {
        let text = format!(
            "recognition {RECOGNITION_VERSION}\nlanguage {:?}\nchannels {:?}\nvad {:?}\n",
            self.language, self.channels, self.vad
        );
        format!("sha256:{}", hex::encode(Sha256::digest(text)))
    }
}

/// Settings of voice activity detection (VAD). Names and defaults are Silero's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VadOptions {
    /// Probability at which speech starts, 0 to 1. A higher value finds less speech.
    pub threshold: f64,
    /// Probability below which speech ends; `None`: 0.15 below `threshold`.
    pub negative_threshold: Option<f64>,
    /// Minimum length of a segment of speech in milliseconds; shorter ones are dropped.
    pub min_speech_milliseconds: u32,
    /// Minimum length of a pause that ends a segment, in milliseconds.
    pub min_silence_milliseconds: u32,
    /// Padding before and after each segment, in milliseconds.
    pub speech_pad_milliseconds: u32,
    /// Maximum length of a segment in seconds; longer ones are cut. The model's own limit applies if it is
    /// lower.
    pub max_speech_seconds: f64,
}

impl Default for VadOptions {
    fn default() -> Self {
        // Shared with the manifest, so that the defaults are defined once.
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

/// Device for the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Device {
    /// First usable GPU, else the CPU.
    #[default]
    Auto,
    /// CPU.
    Cpu,
    /// CUDA device with this number.
    Cuda(u32),
}

/// Invalid name of a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a device: write auto, cpu, cuda, or cuda:N")]
pub struct DeviceError(String);

impl FromStr for Device {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let invalid = || DeviceError(text.to_owned());
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => {
                let number = text.strip_prefix("cuda:").ok_or_else(invalid)?;
                number.parse().map(Self::Cuda).map_err(|_| invalid())
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
    fn devices_are_parsed_and_displayed() {
        for (text, device) in [("auto", Device::Auto), ("cpu", Device::Cpu), ("cuda:3", Device::Cuda(3))] {
            assert_eq!(text.parse(), Ok(device));
            assert_eq!(device.to_string(), text);
        }
        assert_eq!("cuda".parse(), Ok(Device::Cuda(0)));
        for invalid in ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "CPU"] {
            assert_eq!(invalid.parse::<Device>(), Err(DeviceError(invalid.to_owned())));
        }
    }

    #[test]
    fn the_digest_depends_on_exactly_the_settings_that_determine_the_text() {
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
