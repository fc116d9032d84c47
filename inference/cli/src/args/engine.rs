//! Arguments of the engine: recognition, voice activity detection, machine.

use std::num::{NonZeroU16, NonZeroUsize};

use clap::{Args, ValueEnum};
use verbatim_crds::model::DEFAULT_MODEL;
use verbatim_protocol::options::{
    DEFAULT_MAX_AUDIO_SECONDS, DEFAULT_MAX_PADDED_SECONDS, Device, EngineOptions, VadOptions,
};
use verbatim_protocol::task::ChannelMode;

use super::number::{positive, probability};

/// Treatment of a recording's channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Channels {
    /// Average them.
    Mix,
    /// Transcribe each separately, for calls with one party per channel.
    Split,
}

/// Recognition.
#[derive(Args, Debug)]
#[command(next_help_heading = "Recognition")]
pub struct RecognitionArgs {
    /// Name of a model in `verbatim model list`, or the folder of a prepared model.
    #[arg(long, value_name = "NAME|PATH", default_value = DEFAULT_MODEL)]
    pub model: String,
    /// Language of the recordings, such as en [default: the model's].
    #[arg(long, value_name = "CODE")]
    pub language: Option<String>,
    /// Treatment of a recording's channels.
    #[arg(long, value_name = "MODE", default_value = "mix")]
    pub channels: Channels,
    /// Longest accepted recording, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_MAX_AUDIO_SECONDS, value_parser = positive)]
    pub max_seconds: f64,
    /// Voice activity detection.
    #[command(flatten)]
    pub vad: VadArgs,
}

/// Voice activity detection (VAD).
#[derive(Args, Debug)]
#[command(next_help_heading = "Voice activity detection")]
pub struct VadArgs {
    /// Probability at which speech begins, 0 to 1; higher values find less speech.
    #[arg(long, value_name = "P", default_value_t = VadOptions::default().threshold, value_parser = probability)]
    pub vad_threshold: f64,
    /// Probability below which speech ends [default: 0.15 below the threshold].
    #[arg(long, value_name = "P", value_parser = probability)]
    pub vad_negative_threshold: Option<f64>,
    /// Shortest segment of speech, in milliseconds; shorter ones are dropped.
    #[arg(long, value_name = "MS", default_value_t = VadOptions::default().min_speech_milliseconds)]
    pub vad_min_speech: u32,
    /// Shortest pause that ends a segment of speech, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = VadOptions::default().min_silence_milliseconds)]
    pub vad_min_silence: u32,
    /// Padding before and after each segment of speech, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = VadOptions::default().speech_pad_milliseconds)]
    pub vad_speech_pad: u32,
    /// Longest segment of speech, in seconds; longer ones are cut. The model's own limit applies if it is
    /// lower.
    #[arg(long, value_name = "SECONDS", default_value_t = VadOptions::default().max_speech_seconds,
          value_parser = positive)]
    pub vad_max_speech: f64,
}

/// Machine. It does not affect the text.
#[derive(Args, Debug)]
#[command(next_help_heading = "Machine")]
pub struct ComputeArgs {
    /// Device of the model: auto, cpu, cuda or cuda:N.
    #[arg(long, default_value_t = Device::Auto)]
    pub device: Device,
    /// Compute threads [default: one per processor].
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroU16>,
    /// Largest batch in the model, in seconds of audio with padding; it bounds memory.
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_MAX_PADDED_SECONDS, value_parser = positive)]
    pub max_padded_seconds: f64,
}

/// Options of the engine from arguments.
pub fn engine_options_from_args(recognition: &RecognitionArgs, compute: &ComputeArgs) -> EngineOptions {
    let RecognitionArgs { model, language, channels, max_seconds, vad } = recognition;
    EngineOptions {
        model: model.clone(),
        language: language.clone(),
        device: compute.device,
        channels: match channels {
            Channels::Mix => ChannelMode::Mix,
            Channels::Split => ChannelMode::Split,
        },
        threads: threads(compute.threads),
        max_padded_seconds: compute.max_padded_seconds,
        max_audio_seconds: *max_seconds,
        vad: VadOptions {
            threshold: vad.vad_threshold,
            negative_threshold: vad.vad_negative_threshold,
            min_speech_milliseconds: vad.vad_min_speech,
            min_silence_milliseconds: vad.vad_min_silence,
            speech_pad_milliseconds: vad.vad_speech_pad,
            max_speech_seconds: vad.vad_max_speech,
        },
    }
}

/// Number of compute threads: the given one, or one per processor that this process may use.
pub fn threads(threads: Option<NonZeroU16>) -> usize {
    match threads {
        Some(threads) => usize::from(threads.get()),
        None => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
    }
}
