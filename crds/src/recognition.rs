//! What is recognised, and how speech is found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{rules::rule_at, text_rule};

/// Silero's own default.
pub const DEFAULT_VAD_THRESHOLD: f64 = 0.5;
/// Silero ends speech this far below the threshold that begins it.
pub const VAD_HYSTERESIS: f64 = 0.15;
/// Lowest threshold that Silero derives for the end of speech.
pub const MIN_NEGATIVE_THRESHOLD: f64 = 0.01;
/// Silero's own default.
pub const DEFAULT_MIN_SPEECH_MS: u32 = 250;
/// Silero's own default.
pub const DEFAULT_MIN_SILENCE_MS: u32 = 100;
/// Silero's own default is 30 ms; with 100 ms the model hears soft beginnings and ends ("try again" and not "five
/// again" in a sample recording), and the word error rate on the Asterisk prompts is the same.
pub const DEFAULT_SPEECH_PAD_MS: u32 = 100;
/// Moonshine's own engine cuts here, and attention costs the square of the length.
pub const DEFAULT_MAX_SPEECH_SECONDS: f64 = 15.0;
/// The longest window that any model family takes (Whisper's 30 s).
pub const LONGEST_SPEECH_SECONDS: f64 = 30.0;

/// What is recognised.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Recognition {
    /// Language of the recordings, as `en` or `pt-BR`. Absent: the model's own, or found per file where it knows
    /// several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 35), extend("pattern" = text_rule::LANGUAGE.pattern))]
    pub language: Option<String>,
    /// What gets a time. Segment: each stretch of speech. Word: each word as well, for models that can.
    pub timestamps: Timestamps,
    /// What to do with the channels of a recording. Mix: average them. Split: transcribe each alone, as for calls with
    /// a party to a channel.
    pub channels: Channels,
    /// How speech is found (voice activity detection).
    pub vad: Vad,
    /// Words and names to expect, for models that can be told.
    #[schemars(length(max = 1000), inner(length(min = 1, max = 200)))]
    pub hotwords: Vec<String>,
}

/// What gets a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Timestamps {
    /// Each stretch of speech.
    #[default]
    Segment,
    /// Each word as well, for models that can.
    Word,
}

/// What to do with the channels of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Channels {
    /// Average all channels into one.
    #[default]
    Mix,
    /// Transcribe each channel alone, as for calls with a party to a channel.
    Split,
}

/// How speech is found (voice activity detection).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    rule_at(
        ".negativeThreshold",
        "!has(self.negativeThreshold) || self.negativeThreshold <= self.threshold",
        "negativeThreshold must not be above threshold, or speech ends as soon as it begins",
    ),
    rule_at(
        ".minSpeechMilliseconds",
        "double(self.minSpeechMilliseconds) <= self.maxSpeechSeconds * 1000.0",
        "minSpeechMilliseconds must not be above maxSpeechSeconds, or every stretch of speech is dropped",
    ),
]))]
pub struct Vad {
    /// Probability at which speech begins. Higher finds less.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: f64,
    /// Probability below which speech ends. Absent: 0.15 below `threshold`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub negative_threshold: Option<f64>,
    /// Shorter stretches of speech are dropped.
    #[schemars(range(min = 0, max = 10_000))]
    pub min_speech_milliseconds: u32,
    /// Shorter pauses do not end a stretch of speech.
    #[schemars(range(min = 0, max = 10_000))]
    pub min_silence_milliseconds: u32,
    /// Kept before and after each stretch of speech.
    #[schemars(range(min = 0, max = 5_000))]
    pub speech_pad_milliseconds: u32,
    /// Longer stretches of speech are cut, where they sound least like speech. Less where the model takes less.
    #[schemars(range(min = 1.0, max = LONGEST_SPEECH_SECONDS))]
    pub max_speech_seconds: f64,
}

impl Vad {
    /// Probability below which speech ends: what is written, or what Silero derives from the threshold.
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
    fn end_of_speech_is_derived_as_silero_does() {
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
