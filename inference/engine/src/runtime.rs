//! ONNX Runtime: one environment, sessions with our options, memory given back.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::operator::OperatorDomain;
use ort::session::builder::{GraphOptimizationLevel, PrepackedWeights, SessionBuilder};
use ort::session::{RunOptions, Session};

use verbatim_protocol::environment::MEMORY_OFF_VARIABLE;

use super::cuda::Provider;

/// Layers of memory management, each of which can be turned off to measure its cost and effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryOptions {
    /// Let ONNX Runtime pool its CPU memory (faster) instead of asking the system each time.
    pub arena: bool,
    /// Shrink that pool after each file.
    pub shrink: bool,
    /// Return free pages of the C heap after each file (`malloc_trim`).
    pub trim: bool,
}

impl MemoryOptions {
    /// All layers but those that [`MEMORY_OFF_VARIABLE`] names.
    pub fn from_environment() -> Self {
        let off = std::env::var(MEMORY_OFF_VARIABLE).unwrap_or_default();
        let on = |layer: &str| !off.split(',').any(|name| name.trim() == layer);
        Self { arena: on("arena"), shrink: on("shrink"), trim: on("trim") }
    }
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { arena: true, shrink: true, trim: true }
    }
}

/// Why the runtime or a session could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The shared library is missing or of the wrong kind.
    #[error("failed to load ONNX Runtime from {path}: {message}")]
    Library {
        /// Where it was looked for.
        path: PathBuf,
        /// What the loader said.
        message: String,
    },
    /// A device whose memory the runtime does not know.
    #[error("failed to name the device's memory: {message}")]
    Memory {
        /// What the runtime said.
        message: String,
    },
    /// A model file that the runtime refuses.
    #[error("failed to load {path}: {message}")]
    Model {
        /// The model file.
        path: PathBuf,
        /// What the runtime said.
        message: String,
    },
}

/// The loaded library and the options for all sessions.
pub struct Runtime {
    environment: Environment,
    memory: MemoryOptions,
}

/// The process's environment. ONNX Runtime's is global, and `ort` makes one only once, even if it was dropped since.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

impl Runtime {
    /// Loads the shared library. A process loads one; a second call with another path keeps the first.
    ///
    /// # Errors
    /// A library that is missing, or older than the API that this program was built for.
    pub fn load(library: &Path, memory: MemoryOptions) -> Result<Arc<Self>, RuntimeError> {
        if memory.trim {
            keep_large_blocks_apart();
        }
        let fail = |message: String| RuntimeError::Library { path: library.to_owned(), message };
        // A thread that panicked with the lock left nothing half-done: the value is assigned whole.
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

    /// A session on the calling thread alone: parallel work is lanes with a session each, so that no thread waits for
    /// another inside of an operator, and results cannot depend on the number of threads.
    ///
    /// # Errors
    /// A model that is missing, damaged, or that has operators the runtime does not know.
    pub fn session(
        &self,
        model: &Path,
        weights: Option<&PrepackedWeights>,
        operators: Option<OperatorDomain>,
    ) -> Result<Session, RuntimeError> {
        // Builder errors carry the builder, which cannot cross threads: keep their words.
        self.build(model, weights, operators, &Provider::Cpu)
            .map_err(|message| RuntimeError::Model { path: model.to_owned(), message })
    }

    /// A session of standard operators on a provider.
    ///
    /// # Errors
    /// As [`Runtime::session`], and a provider that does not start.
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
            // Shapes differ from run to run: a plan made for one shape keeps memory and helps nothing.
            .with_memory_pattern(false)
            .map_err(text)?
            // Weights inside the arena would keep its regions from being given back.
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
            // Naming the CPU provider without an arena turns the arena off.
            let cpu = ort::ep::CPU::default().with_arena_allocator(false).build();
            builder = builder.with_execution_providers([cpu]).map_err(text)?;
        }
        builder.commit_from_file(model).map_err(|e| e.to_string())
    }

    /// Options of one run; `shrink` gives free regions of the provider's arenas back when the run ends.
    ///
    /// # Errors
    /// The runtime's.
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
            trim();
        }
    }
}

/// Blocks of this size and more are mapped alone, so that freeing one gives it back at once. By default glibc raises
/// the limit up to 32 MiB as blocks are freed, and the sequences' caches (some MB each) then leave holes in its heaps:
/// the peak over a 12-minute file was 306 MB, with this it is 272 MB, at the same speed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED_ALONE: libc::c_int = 256 * 1024;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn keep_large_blocks_apart() {
    // SAFETY: mallopt only sets a parameter of the allocator; it may be called at any time.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_ALONE);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn keep_large_blocks_apart() {}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim() {
    // SAFETY: malloc_trim has no preconditions and may be called from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}
