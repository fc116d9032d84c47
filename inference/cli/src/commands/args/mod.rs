//! The command line's words.

mod ledger;
mod model;
mod run;
mod soak;
mod supervision;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use verbatim_crds::model::DEFAULT_MODEL;

pub use self::{
    ledger::{Here, Ledger, Look, Plan, Report, Status, Worker},
    model::{Model, ModelName, PullModel, ShowModel},
    run::Run,
    soak::Soak,
    supervision::{Limits, Operation},
};

use crate::local::done;
use crate::output::format::Format;
use verbatim_protocol::options::{
    DEFAULT_MAX_AUDIO_SECONDS, DEFAULT_MAX_PADDED_SECONDS, Device, EngineOptions, VadOptions,
};
use verbatim_protocol::task::ChannelMode;

const EXAMPLES: &str = "\
Examples:
  verbatim transcribe talk.mp3                    print what is said in one recording
  verbatim transcribe calls/ -o transcripts/      transcribe a folder
  verbatim transcribe a.wav b.flac -o . --formats json,srt
  ffmpeg -i film.mkv -f wav - | verbatim transcribe -
  verbatim run -f job.yaml                        do what a TranscriptionJob manifest says
  verbatim status -f job.yaml --watch             see how far a job in a bucket is, from anywhere
  verbatim soak calls/ -o soak/                   see whether memory stays flat
  verbatim model verify                           check the model's files

Exit codes:
  0    every recording has its transcript
  1    some recordings have none; all the others are done and written
  2    the command line is wrong
  75   drained after SIGTERM, with --grace-period: run it again for the rest
  78   the manifest, the model or what it needs is wrong
  130, 143  interrupted (Ctrl-C, SIGTERM): what was done stays done, nothing is half-written";

/// Turns recordings into transcripts.
#[derive(Debug, Parser)]
#[command(name = "verbatim", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How to tell.
    #[command(flatten)]
    pub telling: Telling,
}

/// How the run is told.
#[derive(Args, Clone, Debug)]
pub struct Telling {
    /// Say nothing but errors.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Form of what is said on standard error: for people, or an object of JSON on each line.
    #[arg(long, global = true, value_name = "FORM", default_value = "text")]
    pub log_format: LogFormat,
}

/// Form of what is said on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: an object of JSON on each line.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Transcribe files and folders.
    Transcribe(Transcribe),
    /// Do what a TranscriptionJob manifest says, on this machine.
    Run(Run),
    /// Work on a job of a cluster, until nothing is left to claim.
    Worker(Worker),
    /// Show what a job would do: which recordings, how many bytes, what is skipped and why.
    Plan(Plan),
    /// Show how far a job is, from anywhere.
    Status(Status),
    /// Show what became of a job's recordings, once it is over.
    Report(Report),
    /// Transcribe recordings over and over, and report whether memory stays flat.
    Soak(Soak),
    /// List, fetch, show or check models.
    #[command(subcommand)]
    Model(Model),
    /// Print the JSON schema of a transcript.
    #[command(hide = true)]
    Schema,
    /// What a supervisor starts; of no use by hand.
    #[command(hide = true)]
    Engine,
    /// Transcribe the same files again and again, for the benchmark.
    #[command(hide = true)]
    Bench(crate::commands::bench::Bench),
}

const TRANSCRIBE_HELP: &str = "\
Without -o one recording's transcript goes to standard output, as text or in the one format that --formats names. \
With -o, a.wav becomes FOLDER/a.json (.srt, .vtt, .txt); folders inside of a folder are kept. When several inputs \
are named, a folder's transcripts go below its own name. Recordings of one folder that differ only in their ending \
keep it: a.wav.json, a.mp3.json.

In a folder, what is not audio and what begins with a dot is left out, and counted.

Examples:
  verbatim transcribe talk.mp3
  verbatim transcribe talk.mp3 --formats srt > talk.srt
  verbatim transcribe calls/ -o transcripts/ --channels split
  verbatim transcribe calls/ -o transcripts/ --overwrite if-stale     go on where a run was stopped";

/// Options of `verbatim transcribe`.
#[derive(Args, Debug)]
#[command(after_help = TRANSCRIBE_HELP)]
pub struct Transcribe {
    /// Recordings, or folders of recordings; - reads one recording from standard input.
    #[arg(required = true, value_name = "FILE|FOLDER")]
    pub inputs: Vec<PathBuf>,
    /// Folder for the transcripts; it is made if it is not there.
    #[arg(long, short, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
    /// Forms of each transcript, separated by commas: json, srt, vtt, txt [default: all of them with -o, else txt].
    #[arg(long, value_name = "LIST", value_delimiter = ',', hide_default_value = true)]
    pub formats: Vec<Format>,
    /// What to do where a transcript is there already.
    #[arg(long, value_name = "WHEN", default_value = "always")]
    pub overwrite: Overwrite,
    /// What is recognised.
    #[command(flatten)]
    pub recognition: Recognition,
    /// What it runs on.
    #[command(flatten)]
    pub compute: Compute,
    /// When an engine is replaced.
    #[command(flatten)]
    pub limits: Limits,
    /// How it is ended and looked at.
    #[command(flatten)]
    pub operation: Operation,
}

/// What to do where a transcript is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Overwrite {
    /// Transcribe again.
    Always,
    /// Transcribe again if the recording, the model or the settings changed; needs json among the formats.
    IfStale,
    /// Leave it.
    Never,
}

impl From<Overwrite> for done::Overwrite {
    fn from(overwrite: Overwrite) -> Self {
        match overwrite {
            Overwrite::Always => Self::Always,
            Overwrite::IfStale => Self::IfStale,
            Overwrite::Never => Self::Never,
        }
    }
}

/// What to do with the channels of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Channels {
    /// Average them into one.
    Mix,
    /// Transcribe each alone, as for calls with a party to a channel.
    Split,
}

/// What is recognised.
#[derive(Args, Debug)]
#[command(next_help_heading = "Recognition")]
pub struct Recognition {
    /// Name of a model, as `verbatim model list` shows it, or the folder of a prepared one.
    #[arg(long, value_name = "NAME|PATH", default_value = DEFAULT_MODEL)]
    pub model: String,
    /// Language of the recordings, as en [default: the model's own].
    #[arg(long, value_name = "CODE")]
    pub language: Option<String>,
    /// What to do with the channels of a recording.
    #[arg(long, value_name = "WHAT", default_value = "mix")]
    pub channels: Channels,
    /// Longest recording that is taken, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_MAX_AUDIO_SECONDS, value_parser = positive)]
    pub max_seconds: f64,
    /// How speech is found.
    #[command(flatten)]
    pub vad: Vad,
}

/// How speech is found (voice activity detection).
#[derive(Args, Debug)]
#[command(next_help_heading = "Finding speech")]
pub struct Vad {
    /// Probability at which speech begins, 0 to 1; higher finds less.
    #[arg(long, value_name = "P", default_value_t = VadOptions::default().threshold, value_parser = probability)]
    pub vad_threshold: f64,
    /// Probability below which speech ends [default: 0.15 below the threshold].
    #[arg(long, value_name = "P", value_parser = probability)]
    pub vad_negative_threshold: Option<f64>,
    /// Shorter stretches of speech are dropped, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = VadOptions::default().min_speech_milliseconds)]
    pub vad_min_speech: u32,
    /// Shorter pauses do not end a stretch of speech, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = VadOptions::default().min_silence_milliseconds)]
    pub vad_min_silence: u32,
    /// Kept before and after each stretch of speech, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = VadOptions::default().speech_pad_milliseconds)]
    pub vad_speech_pad: u32,
    /// Longer stretches of speech are cut, in seconds; less where the model takes less.
    #[arg(long, value_name = "SECONDS", default_value_t = VadOptions::default().max_speech_seconds,
          value_parser = positive)]
    pub vad_max_speech: f64,
}

/// What it runs on. The text does not depend on it.
#[derive(Args, Debug)]
#[command(next_help_heading = "Machine")]
pub struct Compute {
    /// Where the model runs: auto, cpu, cuda or cuda:N.
    #[arg(long, default_value_t = Device::Auto)]
    pub device: Device,
    /// Threads that compute [default: one for each processor].
    #[arg(long, value_name = "N")]
    pub threads: Option<std::num::NonZeroU16>,
    /// Most audio in the model at once, in seconds with padding: memory is bounded by it.
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_MAX_PADDED_SECONDS, value_parser = positive)]
    pub max_padded_seconds: f64,
}

impl Transcribe {
    /// What the engine is asked to be.
    pub fn engine_options(&self) -> EngineOptions {
        engine_options(&self.recognition, &self.compute)
    }
}

/// What the engine is asked to be.
pub fn engine_options(recognition: &Recognition, compute: &Compute) -> EngineOptions {
    let Recognition { model, language, channels, max_seconds, vad } = recognition;
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

/// What was asked for, or a thread for each processor that this process may use.
pub fn threads(asked: Option<std::num::NonZeroU16>) -> usize {
    match asked {
        Some(threads) => usize::from(threads.get()),
        None => std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
    }
}

pub(super) fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("write a number above 0".to_owned()),
    }
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=1.0).contains(&number) => Ok(number),
        _ => Err("write a number from 0 to 1".to_owned()),
    }
}
