//! Arguments of `verbatim transcribe`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use verbatim_crds::destination::{self, Format};
use verbatim_protocol::options::EngineOptions;

use super::{ComputeArgs, MemoryLimitArgs, OperationArgs, RecognitionArgs, engine_options_from_args};

const TRANSCRIBE_HELP: &str = "\
Without -o, the transcript of one recording goes to standard output, as text or in the one format that --formats \
names. With -o, a.wav becomes FOLDER/a.json (.srt, .vtt, .txt); the structure of subfolders is kept. With several \
inputs, the transcripts of a folder go below the folder's name. Recordings of one folder whose names differ only in \
the extension keep it: a.wav.json, a.mp3.json.

In a folder, files that are not audio and names that begin with a dot are left out and counted.

Examples:
  verbatim transcribe talk.mp3
  verbatim transcribe talk.mp3 --formats srt > talk.srt
  verbatim transcribe calls/ -o transcripts/ --channels split
  verbatim transcribe calls/ -o transcripts/ --overwrite if-stale     resume an interrupted run";

/// Options of `verbatim transcribe`.
#[derive(Args, Debug)]
#[command(after_help = TRANSCRIBE_HELP)]
pub struct TranscribeArgs {
    /// Recordings, or folders of recordings; - reads one recording from standard input.
    #[arg(required = true, value_name = "FILE|FOLDER")]
    pub inputs: Vec<PathBuf>,
    /// Folder for the transcripts; created if missing.
    #[arg(long, short, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
    /// Formats of each transcript, separated by commas: json, srt, vtt, txt [default: all with -o, else txt].
    #[arg(long, value_name = "LIST", value_delimiter = ',', hide_default_value = true)]
    pub formats: Vec<Format>,
    /// Treatment of a recording whose transcript exists.
    #[arg(long, value_name = "WHEN", default_value = "always")]
    pub overwrite: Overwrite,
    /// Recognition.
    #[command(flatten)]
    pub recognition: RecognitionArgs,
    /// Machine.
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// Memory limits of the engine.
    #[command(flatten)]
    pub limits: MemoryLimitArgs,
    /// Monitoring and shutdown.
    #[command(flatten)]
    pub operation: OperationArgs,
}

impl TranscribeArgs {
    /// Options of the engine.
    pub fn engine_options(&self) -> EngineOptions {
        engine_options_from_args(&self.recognition, &self.compute)
    }
}

/// Treatment of a recording whose transcript exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Overwrite {
    /// Transcribe it again.
    Always,
    /// Transcribe it again if the recording, the model or the settings changed; needs json among the formats.
    IfStale,
    /// Skip it.
    Never,
}

impl From<Overwrite> for destination::Overwrite {
    fn from(overwrite: Overwrite) -> Self {
        match overwrite {
            Overwrite::Always => Self::Always,
            Overwrite::IfStale => Self::IfStale,
            Overwrite::Never => Self::Never,
        }
    }
}
