//! ONNX Runtime's library and sessions, with the options that all models share.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::operator::OperatorDomain;
use ort::session::builder::{GraphOptimizationLevel, PrepackedWeights, SessionBuilder};
use ort::session::{RunOptions, Session};

use crate::onnx_runtime::memory::{MemoryOptions, set_mmap_threshold, trim_heap};
use crate::onnx_runtime::provider::Provider;

/// Failure to load the runtime or a session.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The shared library is missing or unsuitable.
    #[error("failed to load ONNX Runtime from {path}: {message}")]
    Library {
        /// Path of the library.
        path: PathBuf,
        /// Message of the loader.
        message: String,
    },
    /// The runtime does not know the device's memory.
    #[error("failed to describe the device's memory: {message}")]
    Memory {
        /// Message of the runtime.
        message: String,
    },
    /// The runtime rejects a model file.
    #[error("failed to load {path}: {message}")]
    Model {
        /// Path of the model file.
        path: PathBuf,
        /// Message of the runtime.
        message: String,
    },
}

/// Loaded library and options of all sessions.
pub struct Runtime {
    environment: Environment,
    memory: MemoryOptions,
}

/// Environment of the process. ONNX Runtime's is global, and `ort` creates it only once, even after it was
/// dropped.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

impl Runtime {
    /// Loads the shared library. A process loads only one: a second call with another path keeps the first.
    ///
    /// # Errors
    /// [`RuntimeError::Library`] if the library is missing, or older than the API that this program was built
    /// for.
    pub fn load(library: &Path, memory: MemoryOptions) -> Result<Arc<Self>, RuntimeError> {
        if memory.trim {
            set_mmap_threshold();
        }
        let fail = |message: String| RuntimeError::Library { path: library.to_owned(), message };
        // A poisoned lock is harmless: the value is assigned whole.
        let mut current = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
        let environment = match &*current {
            Some(environment) => environment.clone(),
            None => {
                let environment = ort::init_from(library)
                    .map_err(|e| fail(e.to_string()))?
                    .with_name("verbatim")
                    .with_telemetry(false)
                    .build()
                    .map_err(|e| fail(e.to_string()))?;
                current.insert(environment).clone()
            }
        };
        Ok(Arc::new(Self { environment, memory }))
    }

    /// Creates a single-threaded session on the CPU. Each inference worker has sessions of its own, so that
    /// no thread waits for another one inside an operator, and results do not depend on the number of
    /// threads.
    ///
    /// # Errors
    /// [`RuntimeError::Model`] if the model is missing or damaged, or has operators that the runtime does not
    /// know.
    pub fn session(
        &self,
        model: &Path,
        weights: Option<&PrepackedWeights>,
        operators: Option<OperatorDomain>,
    ) -> Result<Session, RuntimeError> {
        // Builder errors hold the builder, which is not `Send`: keep the message only.
        self.build(model, weights, operators, &Provider::Cpu)
            .map_err(|message| RuntimeError::Model { path: model.to_owned(), message })
    }

    /// Creates a session of standard operators on an execution provider.
    ///
    /// # Errors
    /// As [`Runtime::session`], and when the provider does not start.
    pub fn session_on(&self, model: &Path, provider: &Provider) -> Result<Session, RuntimeError> {
        self.build(model, None, None, provider)
            .map_err(|message| RuntimeError::Model { path: model.to_owned(), message })
    }

    fn build(
        &self,
        model: &Path,
        weights: Option<&PrepackedWeights>,
        operators: Option<OperatorDomain>,
        provider: &Provider,
    ) -> Result<Session, String> {
        let text = |e: ort::Error<SessionBuilder>| e.to_string();
        let mut builder = Session::builder(&self.environment)
            .map_err(|e| e.to_string())?
            .with_optimization_level(GraphOptimizationLevel::All)
            .map_err(text)?
            .with_intra_threads(1)
            .map_err(text)?
            .with_inter_threads(1)
            .map_err(text)?
            .with_intra_op_spinning(false)
            .map_err(text)?
            // Shapes differ from run to run: a plan for one shape holds memory and does not help.
            .with_memory_pattern(false)
            .map_err(text)?
            // Weights inside the arena would prevent its regions from being returned.
            .with_device_allocated_initializers()
            .map_err(text)?
            .with_log_level(ort::logging::LogLevel::Error)
            .map_err(text)?;
        if let Some(weights) = weights {
            builder = builder.with_prepacked_weights(weights).map_err(text)?;
        }
        if let Some(operators) = operators {
            builder = builder.with_operators(operators).map_err(text)?;
        }
        if let Provider::Cuda(cuda) = provider {
            builder = builder.with_execution_providers([cuda.provider()]).map_err(text)?;
        }
        if !self.memory.arena {
            // An explicit CPU provider without an arena disables the arena.
            let cpu = ort::ep::CPU::default().with_arena_allocator(false).build();
            builder = builder.with_execution_providers([cpu]).map_err(text)?;
        }
        builder.commit_from_file(model).map_err(|e| e.to_string())
    }

    /// Creates the options of one run. `shrink` returns free regions of the provider's arenas to the system
    /// when the run ends.
    ///
    /// # Errors
    /// Errors of the runtime.
    pub fn run_options(&self, shrink: bool, provider: &Provider) -> ort::Result<RunOptions> {
        let mut options = RunOptions::new()?;
        if shrink && self.memory.arena && self.memory.shrink {
            options.set("memory.enable_memory_arena_shrinkage", provider.arenas())?;
        }
        Ok(options)
    }

    /// Returns free pages of the C heap to the system, unless turned off.
    pub fn trim(&self) {
        if self.memory.trim {
            trim_heap();
        }
    }
}
