//! The engine with the real model, and tasks for it.

use std::path::PathBuf;

use verbatim_engine::load::load;
use verbatim_fixtures::model;
use verbatim_protocol::options::{DEFAULT_MAX_AUDIO_SECONDS, Device, EngineOptions, VadOptions};
use verbatim_protocol::task::{ChannelMode, FileOverrides, FileTask};
use verbatim_protocol::transcriber::Transcriber;

/// The engine on the CPU, with a batch budget in seconds and a number of threads.
pub(crate) fn engine(budget: f64, threads: usize) -> Box<dyn Transcriber> {
    load(&EngineOptions {
        model: model::MODEL.to_owned(),
        language: None,
        device: Device::Cpu,
        channels: ChannelMode::Mix,
        threads,
        max_padded_seconds: budget,
        max_audio_seconds: DEFAULT_MAX_AUDIO_SECONDS,
        vad: VadOptions::default(),
    })
    .unwrap_or_else(|error| panic!("run verbatim model pull: {error}"))
}

/// A task without overrides.
pub(crate) fn task(id: usize, path: PathBuf) -> FileTask {
    FileTask { id, path, name: None, overrides: FileOverrides::default(), fault: None }
}
