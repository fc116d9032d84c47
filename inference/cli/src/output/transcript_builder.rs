//! Builds a transcript from an engine's result and what only the supervisor knows.

use verbatim_protocol::event::FileResult;
use verbatim_protocol::task::FileOverrides;
use verbatim_protocol::transcript::{Model, Processing, SCHEMA_VERSION, Source, Transcript};

/// What the transcripts of a run have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct TranscriptBuilder {
    /// The model.
    pub model: Model,
    /// Language of the text.
    pub language: String,
    /// Digest of the settings of all recordings.
    pub config_digest: String,
}

impl TranscriptBuilder {
    /// The transcript of a recording with this name (without folders) and these overrides.
    pub fn transcript(&self, name: String, overrides: &FileOverrides, result: FileResult) -> Transcript {
        let duration = result.audio.duration_seconds;
        let text: Vec<&str> = result
            .segments
            .iter()
            .map(|segment| segment.text.as_str())
            .filter(|text| !text.is_empty())
            .collect();
        let seconds = result.processing_seconds;
        Transcript {
            task: "transcribe".to_owned(),
            text: text.join(" "),
            language: self.language.clone(),
            channel: overrides.channel,
            duration,
            schema_version: SCHEMA_VERSION,
            source: Source { name, bytes: result.bytes, sha256: result.sha256 },
            audio: result.audio,
            model: self.model.clone(),
            config_digest: overrides.config_digest(&self.config_digest),
            warnings: result.warnings,
            processing: Processing {
                seconds,
                real_time_factor: if duration > 0.0 { seconds / duration } else { 0.0 },
            },
            segments: result.segments,
        }
    }
}
