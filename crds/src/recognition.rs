//! Recognition and speech detection.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{rules::rule_at, text_rule};

/// Default of Silero.
pub const DEFAULT_VAD_THRESHOLD: f64 = 0.5;
/// Distance between Silero's thresholds for the start and the end of speech.
pub const VAD_HYSTERESIS: f64 = 0.15;
/// Lowest end threshold that Silero derives.
pub const MIN_NEGATIVE_THRESHOLD: f64 = 0.01;
/// Default of Silero.
pub const DEFAULT_MIN_SPEECH_MS: u32 = 250;
/// Default of Silero.
pub const DEFAULT_MIN_SILENCE_MS: u32 = 100;
/// Silero's default is 30 ms; with 100 ms the model recognizes soft starts and ends ("try again" instead of
/// "five again" in a sample recording), at the same word error rate on the Asterisk prompts.
pub const DEFAULT_SPEECH_PAD_MS: u32 = 100;
/// The cut of Moonshine's own engine; attention costs the square of the length.
pub const DEFAULT_MAX_SPEECH_SECONDS: f64 = 15.0;
/// Longest window of all model families (30 s of Whisper).
pub const LONGEST_SPEECH_SECONDS: f64 = 30.0;

/// Recognition and speech detection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Recognition {
    /// Language of the recordings, e.g. `en` or `pt-BR`. Absent: the model's language, or detected per file
    /// by models with several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 35), extend("pattern" = text_rule::LANGUAGE.pattern))]
    pub language: Option<String>,
    /// Granularity of timestamps. Segment: each speech segment. Word: also each word, if the model supports
    /// it.
    pub timestamps: Timestamps,
    /// Handling of channels. Mix: one channel, by level. Split: transcribe each separately, e.g. for calls
    /// with one party per channel.
    pub channels: Channels,
    /// Speech detection (voice activity detection).
    pub vad: Vad,
    /// Expected words and names, for models that support them.
    #[schemars(length(max = 1000), inner(length(min = 1, max = 200)))]
    pub hotwords: Vec<String>,
}

/// Granularity of timestamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Timestamps {
    /// Each speech segment.
    #[default]
    Segment,
    /// Also each word, if the model supports it.
    Word,
}

/// Handling of channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Channels {
    /// Average all channels into one.
    #[default]
    Mix,
    /// Transcribe each channel separately, e.g. for calls with one party per channel.
    Split,
}

/// Speech detection (voice activity detection).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    rule_at(
        ".negativeThreshold",
        "!has(self.negativeThreshold) || self.negativeThreshold <= self.threshold",
        "negativeThreshold must not exceed threshold, or speech ends as soon as it begins",
    ),
    rule_at(
        ".minSpeechMilliseconds",
        "double(self.minSpeechMilliseconds) <= self.maxSpeechSeconds * 1000.0",
        "minSpeechMilliseconds must not exceed maxSpeechSeconds, or all speech is dropped",
    ),
]))]
pub struct Vad {
    /// Probability at which speech begins. A higher value detects less speech.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: f64,
    /// Probability below which speech ends. Absent: 0.15 below `threshold`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub negative_threshold: Option<f64>,
    /// Minimum length of speech; shorter speech is dropped.
    #[schemars(range(min = 0, max = 10_000))]
    pub min_speech_milliseconds: u32,
    /// Minimum length of silence that ends speech.
    #[schemars(range(min = 0, max = 10_000))]
    pub min_silence_milliseconds: u32,
    /// Padding before and after speech.
    #[schemars(range(min = 0, max = 5_000))]
    pub speech_pad_milliseconds: u32,
    /// Maximum length of a segment; longer speech is cut where its probability is lowest. The model may lower
    /// it.
    #[schemars(range(min = 1.0, max = LONGEST_SPEECH_SECONDS))]
    pub max_speech_seconds: f64,
}

impl Vad {
    /// Probability below which speech ends: the configured one, or the one that Silero derives from the
    /// threshold.
    pub fn negative_threshold(&self) -> f64 {
        self.negative_threshold.unwrap_or_else(|| {
            (self.threshold - VAD_HYSTERESIS).max(MIN_NEGATIVE_THRESHOLD).min(self.threshold)
        })
    }
}

impl Default for Vad {
    fn default() -> Self {
        Self {
            threshold: DEFAULT_VAD_THRESHOLD,
            negative_threshold: None,
            min_speech_milliseconds: DEFAULT_MIN_SPEECH_MS,
            min_silence_milliseconds: DEFAULT_MIN_SILENCE_MS,
            speech_pad_milliseconds: DEFAULT_SPEECH_PAD_MS,
            max_speech_seconds: DEFAULT_MAX_SPEECH_SECONDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_threshold_is_derived_as_in_silero() {
        let mut vad = Vad::default();
        assert!((vad.negative_threshold() - 0.35).abs() < 1e-9);
        vad.threshold = 0.1;
        assert!((vad.negative_threshold() - 0.01).abs() < 1e-9);
        vad.threshold = 0.0;
        assert!(vad.negative_threshold() <= vad.threshold);
        vad.negative_threshold = Some(0.2);
        assert!((vad.negative_threshold() - 0.2).abs() < 1e-9);
    }
}
