//! The transcript of one audio file, as it is written to JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON layout. Raised when a reader of the older one could misread the newer one.
pub const SCHEMA_VERSION: u32 = 1;

/// The transcript of one audio file. A superset of OpenAI's `verbose_json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Transcript {
    /// The task, as `verbose_json` names it: always `transcribe`.
    pub task: String,
    /// All text of the file, segments joined by one space.
    pub text: String,
    /// Language of the text, ISO 639-1.
    pub language: String,
    /// The one channel that was transcribed, from 0; absent when all were.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channel: Option<u16>,
    /// Length of the audio in seconds.
    pub duration: f64,
    /// Stretches of speech, by start time, then by channel.
    pub segments: Vec<Segment>,
    /// Version of this layout.
    pub schema_version: u32,
    /// What was transcribed.
    pub source: Source,
    /// What the audio was like.
    pub audio: Audio,
    /// What transcribed it.
    pub model: Model,
    /// `sha256:` and the digest of the settings that decide what the transcript says: language, channels, voice
    /// activity detection. With `source` and `model` it tells whether the transcript is still fresh.
    pub config_digest: String,
    /// What was wrong with the recording but not fatal; absent when nothing was.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub warnings: Vec<String>,
    /// What it took. The only part that differs between two runs over the same file.
    pub processing: Processing,
}

impl Transcript {
    /// The channel that a segment is told with: none where the transcript is of one channel alone.
    pub fn told_channel(&self, segment: &Segment) -> Option<u16> {
        segment.channel.filter(|_| self.channel.is_none())
    }
}

/// A stretch of speech.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Segment {
    /// Position in `segments`, from 0.
    pub id: u32,
    /// Channel of the recording, from 0; absent when the channels were mixed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channel: Option<u16>,
    /// Start in seconds from the beginning of the file.
    pub start: f64,
    /// End in seconds from the beginning of the file.
    pub end: f64,
    /// What was said.
    pub text: String,
    /// Mean natural logarithm of the probability of each token.
    pub avg_logprob: f64,
    /// One minus the mean speech probability that voice activity detection gave the segment.
    pub no_speech_prob: f64,
}

/// The file that was transcribed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// The file's name; bytes that are not UTF-8 are replaced by U+FFFD.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes, lower-case hexadecimal.
    pub sha256: String,
}

/// The audio inside the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Audio {
    /// Length in seconds.
    pub duration_seconds: f64,
    /// Frames a second in the file.
    pub sample_rate: u32,
    /// Channels in the file.
    pub channels: u16,
    /// Short name of the codec, as `pcm_s16le`, `mp3`, `opus`.
    pub codec: String,
}

/// The model that made the text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    /// Name, as `verbatim model list` shows it.
    pub name: String,
    /// `sha256:` and the digest of the prepared model.
    pub digest: String,
}

/// What the transcription took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Processing {
    /// Wall-clock seconds from the file's first byte to its transcript.
    pub seconds: f64,
    /// `seconds` divided by the audio's duration; 0 for audio of no length.
    pub real_time_factor: f64,
}
