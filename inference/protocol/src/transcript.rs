//! Transcript of one audio file, as it is written to JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON layout. Raised when a reader of the old layout could misread the new one.
pub const SCHEMA_VERSION: u32 = 1;

/// Transcript of one audio file. A superset of OpenAI's `verbose_json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Transcript {
    /// Task, as in `verbose_json`: always `transcribe`.
    pub task: String,
    /// Text of the file: the texts of all segments, joined by single spaces.
    pub text: String,
    /// Language of the text, ISO 639-1.
    pub language: String,
    /// The only channel that was transcribed, counted from 0; absent if all were.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channel: Option<u16>,
    /// Duration of the audio in seconds.
    pub duration: f64,
    /// Segments of speech, sorted by start, then by channel.
    pub segments: Vec<Segment>,
    /// Version of this layout.
    pub schema_version: u32,
    /// Source file.
    pub source: Source,
    /// Properties of the audio.
    pub audio: Audio,
    /// Model that wrote the text.
    pub model: Model,
    /// `sha256:` and the digest of the settings that determine the text: language, channels, voice activity
    /// detection. Together with `source` and `model` it shows whether the transcript is up to date.
    pub config_digest: String,
    /// Problems with the recording that were not fatal; absent if there were none.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub warnings: Vec<String>,
    /// Processing time. The only part that differs between two runs over the same file.
    pub processing: Processing,
}

impl Transcript {
    /// Channel to label a segment with; `None` if the transcript has only one channel.
    pub fn channel_label(&self, segment: &Segment) -> Option<u16> {
        segment.channel.filter(|_| self.channel.is_none())
    }
}

/// Segment of speech.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Segment {
    /// Position in `segments`, from 0.
    pub id: u32,
    /// Channel of the recording, counted from 0; absent if the channels were mixed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channel: Option<u16>,
    /// Start in seconds from the beginning of the file.
    pub start: f64,
    /// End in seconds from the beginning of the file.
    pub end: f64,
    /// Recognised text.
    pub text: String,
    /// Mean natural logarithm of the token probabilities.
    pub avg_logprob: f64,
    /// One minus the mean speech probability of the segment, from voice activity detection.
    pub no_speech_prob: f64,
}

/// Source file of a transcript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// File name; bytes that are not UTF-8 are replaced by U+FFFD.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: String,
}

/// Properties of a file's audio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Audio {
    /// Duration in seconds.
    pub duration_seconds: f64,
    /// Sample rate of the file in Hz.
    pub sample_rate: u32,
    /// Number of channels in the file.
    pub channels: u16,
    /// Short name of the codec, for example `pcm_s16le`, `mp3`, `opus`.
    pub codec: String,
}

/// Model that wrote the text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    /// Name, as in `verbatim model list`.
    pub name: String,
    /// `sha256:` and the digest of the prepared model.
    pub digest: String,
}

/// Processing time of a transcript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Processing {
    /// Wall-clock seconds from the file's first byte to its transcript.
    pub seconds: f64,
    /// `seconds` divided by the duration of the audio; 0 if that is 0.
    pub real_time_factor: f64,
}
