//! Transcripts for tests.

use verbatim_protocol::transcript::{Audio, Model, Processing, SCHEMA_VERSION, Segment, Source, Transcript};

/// A segment of a mixed recording.
pub(crate) fn segment(start: f64, end: f64, text: &str) -> Segment {
    Segment {
        id: 0,
        channel: None,
        start,
        end,
        text: text.to_owned(),
        avg_logprob: -0.25,
        no_speech_prob: 0.125,
    }
}

/// A transcript of these segments, of a minute of audio.
pub(crate) fn transcript(mut segments: Vec<Segment>) -> Transcript {
    for (id, segment) in segments.iter_mut().enumerate() {
        segment.id = id as u32;
    }
    let texts: Vec<&str> = segments.iter().map(|segment| segment.text.as_str()).collect();
    Transcript {
        task: "transcribe".to_owned(),
        text: texts.join(" "),
        language: "en".to_owned(),
        channel: None,
        duration: 60.0,
        schema_version: SCHEMA_VERSION,
        source: Source { name: "a.wav".to_owned(), bytes: 960_044, sha256: "0".repeat(64) },
        audio: Audio {
            duration_seconds: 60.0,
            sample_rate: 8_000,
            channels: 1,
            codec: "pcm_s16le".to_owned(),
        },
        model: Model { name: "scripted".to_owned(), digest: format!("sha256:{}", "1".repeat(64)) },
        config_digest: format!("sha256:{}", "2".repeat(64)),
        warnings: Vec::new(),
        processing: Processing { seconds: 1.5, real_time_factor: 0.025 },
        segments,
    }
}
