//! Options of the engine from a manifest.

use std::path::Path;

use verbatim_crds::TranscriptionJobSpec;
use verbatim_crds::path::{self, PathError};
use verbatim_crds::recognition::Channels;
use verbatim_protocol::options::{DEFAULT_MAX_AUDIO_SECONDS, Device, EngineOptions, VadOptions};
use verbatim_protocol::task::ChannelMode;

/// Why a manifest's model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The model is in S3.
    #[error("spec.model.uri: `verbatim run` takes models from folders; write a name or file:///FOLDER")]
    InS3,
    /// The path of the model is invalid.
    #[error(transparent)]
    Path(#[from] PathError),
}

/// Options of the engine for a job. `base` is the manifest's folder.
///
/// # Errors
/// [`ModelError`].
pub fn engine_options_from_manifest(
    spec: &TranscriptionJobSpec,
    base: &Path,
    device: Device,
    threads: usize,
) -> Result<EngineOptions, ModelError> {
    let recognition = &spec.recognition;
    let vad = &recognition.vad;
    let model = match (&spec.model.name, &spec.model.uri) {
        (Some(name), _) => name.clone(),
        (None, Some(uri)) if uri.starts_with("s3://") => return Err(ModelError::InS3),
        (None, Some(uri)) => path::resolve(uri, base)?.to_string_lossy().into_owned(),
        (None, None) => verbatim_crds::model::DEFAULT_MODEL.to_owned(),
    };
    Ok(EngineOptions {
        model,
        language: recognition.language.clone(),
        device,
        channels: match recognition.channels {
            Channels::Mix => ChannelMode::Mix,
            Channels::Split => ChannelMode::Split,
        },
        threads,
        max_padded_seconds: f64::from(spec.batching.max_padded_seconds),
        max_audio_seconds: DEFAULT_MAX_AUDIO_SECONDS,
        vad: VadOptions {
            threshold: vad.threshold,
            negative_threshold: vad.negative_threshold,
            min_speech_milliseconds: vad.min_speech_milliseconds,
            min_silence_milliseconds: vad.min_silence_milliseconds,
            speech_pad_milliseconds: vad.speech_pad_milliseconds,
            max_speech_seconds: vad.max_speech_seconds,
        },
    })
}
