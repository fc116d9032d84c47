//! Makes the engine that the options ask for.

use std::sync::Arc;

use super::family::Family;
use super::moonshine::{self, Moonshine};
use super::options::{Device, EngineOptions};
use super::pipeline::Pipeline;
use super::runtime::{MemoryOptions, Runtime, RuntimeError};
use super::transcriber::Transcriber;
use super::vad::Vad;
use crate::assets::{self, AssetError};

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The model is not there.
    #[error(transparent)]
    Asset(#[from] AssetError),
    /// The runtime or a graph.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The model's own parts.
    #[error(transparent)]
    Model(#[from] moonshine::LoadError),
    /// The model does not write that language.
    #[error("the model {model} writes {has}, not {wanted}: leave --language out, or choose another model")]
    Language {
        /// The model.
        model: String,
        /// Its language.
        has: String,
        /// What was asked for.
        wanted: String,
    },
}

/// Loads the model and takes the device.
///
/// # Errors
/// [`EngineError`] says what is missing and what to do.
pub fn load(options: &EngineOptions) -> Result<Box<dyn Transcriber>, EngineError> {
    let ready = assets::find(&options.model)?;
    if let Some(wanted) = options.language.as_ref().filter(|wanted| **wanted != ready.language) {
        let (model, has) = (ready.name, ready.language);
        return Err(EngineError::Language { model, has, wanted: wanted.clone() });
    }
    let runtime = Runtime::load(&ready.library, MemoryOptions::from_environment())?;
    let threads = options.threads.max(1);
    let shared = Arc::new(moonshine::Shared::load(&ready.folder)?);
    let mut lanes: Vec<Box<dyn Family>> = Vec::with_capacity(threads);
    for _ in 0..threads {
        lanes.push(Box::new(Moonshine::new(&runtime, &ready.folder, &shared)?));
    }
    // Two listeners at least: while one is in a long file, the other brings short ones.
    let listeners =
        (0..threads.max(2)).map(|_| Vad::load(&runtime, &ready.folder)).collect::<Result<_, _>>()?;
    let device = match options.device {
        Device::Cpu => "cpu, as asked for",
        _ => "cpu",
    };
    let description = format!(
        "{} on {device}, {threads} {}, up to {:.0} s of segments in flight",
        ready.name,
        if threads == 1 { "thread" } else { "threads" },
        options.max_padded_seconds
    );
    Ok(Box::new(Pipeline { runtime, ready, options: options.clone(), lanes, listeners, description }))
}
