//! Loading of an engine from its options: finds the model, selects the device, creates the workers' models.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use verbatim_models::{InstalledModel, ModelError};
use verbatim_protocol::LoadErrorKind;
use verbatim_protocol::engine_handle::EngineHandle;
use verbatim_protocol::options::EngineOptions;
use verbatim_protocol::transcriber::Transcriber;

use crate::device::{self, DeviceChoice, DeviceUnavailable, GpuSupport};
use crate::moonshine::cpu::CpuRecognizer;
use crate::moonshine::gpu::GpuRecognizer;
use crate::moonshine::{LoadError, SharedModel};
use crate::onnx_runtime::memory::MemoryOptions;
use crate::onnx_runtime::provider::{CudaOptions, Provider};
use crate::onnx_runtime::runtime::{Runtime, RuntimeError};
use crate::pipeline::transcribe::Pipeline;
use crate::recognizer::Recognizer;
use crate::vad::silero::SileroVad;

/// Failure to load an engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The model is missing or damaged.
    #[error(transparent)]
    Installation(#[from] ModelError),
    /// The runtime or a graph failed to load.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The model failed to load.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The requested GPU is unavailable.
    #[error(transparent)]
    Device(#[from] DeviceUnavailable),
    /// The model does not write the requested language.
    #[error("the model {model} writes {supported}, not {wanted}: omit --language, or choose another model")]
    Language {
        /// Name of the model.
        model: String,
        /// Language of the model.
        supported: String,
        /// Requested language.
        wanted: String,
    },
}

impl EngineError {
    /// Category of the error.
    pub fn kind(&self) -> LoadErrorKind {
        match self {
            Self::Installation(_) | Self::Runtime(_) | Self::Load(_) => LoadErrorKind::Model,
            Self::Device(_) => LoadErrorKind::Device,
            Self::Language { .. } => LoadErrorKind::Language,
        }
    }
}

/// Loads the model on the device that the options request.
///
/// # Errors
/// [`EngineError`] says what is missing and what to do.
pub fn load(options: &EngineOptions) -> Result<Box<dyn Transcriber>, EngineError> {
    let model = verbatim_models::find(&options.model)?;
    if let Some(wanted) = options.language.as_ref().filter(|wanted| !model.writes(wanted)) {
        let (model, supported) = (model.name, model.language);
        return Err(EngineError::Language { model, supported, wanted: wanted.clone() });
    }
    let mut support = GpuSupport {
        library: model.gpu_library.is_some(),
        driver: device::has_nvidia_driver(),
        graphs: model.gpu_folder.is_some(),
        provider_error: None,
    };
    let mut choice = device::choose(options.device, &support)?;
    // A process loads one library. If the CUDA provider then fails, the GPU build runs the graphs for the CPU
    // as well.
    let library = match (choice.gpu, &model.gpu_library) {
        (Some(_), Some(library)) => library,
        _ => &model.library,
    };
    let runtime = Runtime::load(library, MemoryOptions::from_environment())?;
    let threads = options.threads.max(1);
    let shared = Arc::new(SharedModel::load(&model.folder)?);
    let mut recognizers: Vec<Box<dyn Recognizer>> = Vec::new();
    if let Some(number) = choice.gpu {
        match gpu_recognizer(&runtime, &model, &shared, number, options.max_padded_seconds) {
            Ok(recognizer) => recognizers.push(recognizer),
            Err(error) => {
                support.provider_error = Some(verbatim_text::error_chain(&error));
                choice = device::choose(options.device, &support)?;
            }
        }
    }
    if recognizers.is_empty() {
        for recognizer in in_parallel(threads, || CpuRecognizer::new(&runtime, &model.folder, &shared))? {
            recognizers.push(Box::new(recognizer));
        }
    }
    // At least two decode workers: while one is in a long file, the other one provides short ones.
    let vads = in_parallel(threads.max(2), || SileroVad::load(&runtime, &model.folder))?;
    let description = describe(&model.name, &choice, threads, options.max_padded_seconds);
    let handle = Arc::new(EngineHandle::new(options.max_padded_seconds));
    let options = options.clone();
    Ok(Box::new(Pipeline { runtime, model, options, recognizers, vads, description, handle }))
}

/// Calls `create` on `count` threads: a session takes a tenth of a second to load.
fn in_parallel<T: Send, E: Send>(
    count: usize,
    create: impl Fn() -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(&create)).collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

fn gpu_recognizer(
    runtime: &Arc<Runtime>,
    model: &InstalledModel,
    shared: &Arc<SharedModel>,
    device: u32,
    max_padded_seconds: f64,
) -> Result<Box<dyn Recognizer>, LoadError> {
    let folder = model.gpu_folder.as_ref().unwrap_or(&model.folder);
    let provider = Provider::Cuda(CudaOptions::from_environment(device));
    Ok(Box::new(GpuRecognizer::new(runtime, folder, shared, provider, max_padded_seconds)?))
}

fn describe(model: &str, device: &DeviceChoice, threads: usize, max_padded_seconds: f64) -> String {
    let plural = if threads == 1 { "thread" } else { "threads" };
    format!("{model} on {device}, {threads} {plural}, up to {max_padded_seconds:.0} s of segments in flight")
}
