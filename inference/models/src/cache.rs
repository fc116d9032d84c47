//! Where assets lie on this machine.

use std::path::PathBuf;

use super::AssetError;
use super::lock::{GpuRuntime, Lock, Runtime};
use verbatim_protocol::environment::CACHE_VARIABLE;

/// The cache's folder: `$VERBATIM_CACHE`, else `$XDG_CACHE_HOME/verbatim`, else `~/.cache/verbatim`.
///
/// # Errors
/// [`AssetError::NoCache`] when none of the three variables is set.
pub(super) fn folder() -> Result<PathBuf, AssetError> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable(CACHE_VARIABLE)
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("verbatim")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/verbatim")))
        .ok_or(AssetError::NoCache)
}

/// Folder of a prepared model. The digest is in its name, so that another version never meets old files.
pub(super) fn model(lock: &Lock) -> Result<PathBuf, AssetError> {
    let digest = lock.model.digest();
    let short: String = digest.trim_start_matches("sha256:").chars().take(12).collect();
    Ok(folder()?.join("models").join(format!("{}-{short}", lock.model.name)))
}

/// Folder of the graphs for a GPU. Their digest is in its name.
pub(super) fn batch(lock: &Lock) -> Result<PathBuf, AssetError> {
    let digests: String = lock.model.gpu_files.values().map(String::as_str).collect();
    let digest = super::digest::of_bytes(digests.as_bytes());
    let short: String = digest.trim_start_matches("sha256:").chars().take(12).collect();
    Ok(folder()?.join("models").join(format!("{}-gpu-{short}", lock.model.name)))
}

/// The pinned GPU runtime for this kind of machine, if there is one.
pub(super) fn gpu_runtime(lock: &Lock) -> Option<&GpuRuntime> {
    lock.gpu_runtimes.iter().find(|r| r.machine == std::env::consts::ARCH)
}

/// Folder of the GPU runtime's libraries.
pub(super) fn gpu_libraries(runtime: &GpuRuntime) -> Result<PathBuf, AssetError> {
    Ok(folder()?.join("runtime").join(format!("{}-{}", runtime.package, runtime.version)))
}

/// The pinned runtime for this kind of machine.
pub(super) fn runtime(lock: &Lock) -> Result<&Runtime, AssetError> {
    let machine = std::env::consts::ARCH;
    lock.runtimes.iter().find(|r| r.machine == machine).ok_or(AssetError::Machine(machine))
}

/// Place of the runtime's shared library.
pub(super) fn library(runtime: &Runtime) -> Result<PathBuf, AssetError> {
    let folder = folder()?.join("runtime").join(format!("{}-{}", runtime.package, runtime.version));
    Ok(folder.join("libonnxruntime.so"))
}
