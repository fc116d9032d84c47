//! Makes the engine that the options ask for.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use super::cuda::{CudaOptions, Provider};
use super::device::{self, Decision, There, Unavailable};
use super::family::Family;
use super::moonshine::batched::Batched;
use super::moonshine::{self, Moonshine};
use super::pipeline::Pipeline;
use super::runtime::{MemoryOptions, Runtime, RuntimeError};
use super::vad::Vad;
use verbatim_models as assets;
use verbatim_models::{AssetError, Ready};
use verbatim_protocol::Obstacle;
use verbatim_protocol::controls::Controls;
use verbatim_protocol::options::EngineOptions;
use verbatim_protocol::transcriber::Transcriber;

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
    /// A GPU was asked for and cannot be had.
    #[error(transparent)]
    Device(#[from] Unavailable),
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

impl EngineError {
    /// The error in one word.
    pub fn obstacle(&self) -> Obstacle {
        match self {
            Self::Asset(_) | Self::Runtime(_) | Self::Model(_) => Obstacle::Model,
            Self::Device(_) => Obstacle::Device,
            Self::Language { .. } => Obstacle::Language,
        }
    }
}

/// Loads the model and takes the device.
///
/// # Errors
/// [`EngineError`] says what is missing and what to do.
pub fn load(options: &EngineOptions) -> Result<Box<dyn Transcriber>, EngineError> {
    let ready = assets::find(&options.model)?;
    if let Some(wanted) = options.language.as_ref().filter(|wanted| !ready.writes(wanted)) {
        let (model, has) = (ready.name, ready.language);
        return Err(EngineError::Language { model, has, wanted: wanted.clone() });
    }
    let mut there = There {
        library: ready.gpu_library.is_some(),
        driver: device::driver(),
        graphs: ready.batch_folder.is_some(),
        provider: None,
    };
    let mut decision = device::choose(options.device, &there)?;
    // A process loads one library: where the CUDA provider then fails, the GPU build runs the CPU's graphs as well.
    let library = match (decision.gpu, &ready.gpu_library) {
        (Some(_), Some(library)) => library,
        _ => &ready.library,
    };
    let runtime = Runtime::load(library, MemoryOptions::from_environment())?;
    let threads = options.threads.max(1);
    let shared = Arc::new(moonshine::Shared::load(&ready.folder)?);
    let mut lanes: Vec<Box<dyn Family>> = Vec::new();
    if let Some(number) = decision.gpu {
        match gpu_lane(&runtime, &ready, &shared, number, options.max_padded_seconds) {
            Ok(lane) => lanes.push(lane),
            Err(error) => {
                there.provider = Some(words(&error));
                decision = device::choose(options.device, &there)?;
            }
        }
    }
    if lanes.is_empty() {
        for lane in side_by_side(threads, || Moonshine::new(&runtime, &ready.folder, &shared))? {
            lanes.push(Box::new(lane));
        }
    }
    // Two listeners at least: while one is in a long file, the other brings short ones.
    let listeners = side_by_side(threads.max(2), || Vad::load(&runtime, &ready.folder))?;
    let description = describe(&ready.name, &decision, threads, options.max_padded_seconds);
    let controls = Arc::new(Controls::new(options.max_padded_seconds));
    Ok(Box::new(Pipeline {
        runtime,
        ready,
        options: options.clone(),
        lanes,
        listeners,
        description,
        controls,
    }))
}

/// Makes `count` of something, each on a thread of its own: sessions take a tenth of a second each to load.
fn side_by_side<T: Send, E: Send>(count: usize, make: impl Fn() -> Result<T, E> + Sync) -> Result<Vec<T>, E> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(&make)).collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// The lane of a GPU.
fn gpu_lane(
    runtime: &Arc<Runtime>,
    ready: &Ready,
    shared: &Arc<moonshine::Shared>,
    number: u32,
    max_padded_seconds: f64,
) -> Result<Box<dyn Family>, moonshine::LoadError> {
    let folder = ready.batch_folder.as_ref().unwrap_or(&ready.folder);
    let provider = Provider::Cuda(CudaOptions::from_environment(number));
    Ok(Box::new(Batched::new(runtime, folder, shared, provider, max_padded_seconds)?))
}

/// An error and its causes, in one line.
fn words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(|cause| cause.to_string().trim().to_owned()).collect::<Vec<_>>().join(": ")
}

fn describe(model: &str, device: &Decision, threads: usize, seconds: f64) -> String {
    let plural = if threads == 1 { "thread" } else { "threads" };
    format!("{model} on {device}, {threads} {plural}, up to {seconds:.0} s of segments in flight")
}
