//! Paths in the cache, and the pinned runtime of this architecture.

use std::path::PathBuf;

use verbatim_protocol::environment::CACHE_VARIABLE;

use crate::digest;
use crate::error::ModelError;
use crate::lock_file::{GpuRuntime, Lock, Runtime};

/// Folder of the cache: `$VERBATIM_CACHE`, else `$XDG_CACHE_HOME/verbatim`, else `~/.cache/verbatim`.
///
/// # Errors
/// [`ModelError::NoCache`] if none of the three variables is set.
pub(crate) fn folder() -> Result<PathBuf, ModelError> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable(CACHE_VARIABLE)
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("verbatim")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/verbatim")))
        .ok_or(ModelError::NoCache)
}

/// Folder of the prepared model. Its name contains the digest, so that versions never share files.
pub(crate) fn model(lock: &Lock) -> Result<PathBuf, ModelError> {
    let digest = lock.model.digest();
    let short: String = digest.trim_start_matches("sha256:").chars().take(12).collect();
    Ok(folder()?.join("models").join(format!("{}-{short}", lock.model.name)))
}

/// Folder of the graphs for a GPU. Its name contains their digest.
pub(crate) fn gpu_graphs(lock: &Lock) -> Result<PathBuf, ModelError> {
    let digests: String = lock.model.gpu_files.values().map(String::as_str).collect();
    let digest = digest::of_bytes(digests.as_bytes());
    let short: String = digest.trim_start_matches("sha256:").chars().take(12).collect();
    Ok(folder()?.join("models").join(format!("{}-gpu-{short}", lock.model.name)))
}

/// Pinned GPU runtime for this architecture; `None` if there is none.
pub(crate) fn gpu_runtime(lock: &Lock) -> Option<&GpuRuntime> {
    lock.gpu_runtimes.iter().find(|r| r.machine == std::env::consts::ARCH)
}

/// Folder of the GPU runtime's libraries.
pub(crate) fn gpu_libraries(runtime: &GpuRuntime) -> Result<PathBuf, ModelError> {
    Ok(folder()?.join("runtime").join(format!("{}-{}", runtime.package, runtime.version)))
}

/// Pinned runtime for this architecture.
pub(crate) fn runtime(lock: &Lock) -> Result<&Runtime, ModelError> {
    let machine = std::env::consts::ARCH;
    lock.runtimes.iter().find(|r| r.machine == machine).ok_or(ModelError::Architecture(machine))
}

/// Path of the runtime's shared library.
pub(crate) fn library(runtime: &Runtime) -> Result<PathBuf, ModelError> {
    let folder = folder()?.join("runtime").join(format!("{}-{}", runtime.package, runtime.version));
    Ok(folder.join("libonnxruntime.so"))
}
