//! `verbatim model pull`: fetch, verify, prepare, verify, move into place.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::error::ModelError;
use crate::lock_file::{Lock, Runtime};
use crate::moonshine::{VENDOR_DECODER, VENDOR_ENCODER, prepare};
use crate::{cache, gpu, scratch, wheel};

/// Fetches and prepares a model and its runtime; `for_gpu`: also the graphs and the runtime for a GPU. Parts
/// that are installed and intact are not fetched again.
///
/// # Errors
/// [`ModelError`] says what is missing. Incomplete files never stay in the cache.
pub fn pull(model: &str, for_gpu: bool, out: &mut dyn Write) -> Result<(), ModelError> {
    let lock = Lock::of_model(model)?;
    let runtime = cache::runtime(&lock)?;
    let library = cache::library(runtime)?;
    let library_digest = format!("sha256:{}", runtime.library_sha256);
    if wheel::check(&library, &library_digest).is_err() {
        writeln!(out, "fetching {} {} (28 MB)", runtime.package, runtime.version)?;
        pull_runtime(runtime, &library, &library_digest)?;
    }
    let folder = cache::model(&lock)?;
    if lock.model.files.iter().any(|(name, digest)| wheel::check(&folder.join(name), digest).is_err()) {
        pull_model(&lock, &folder, out)?;
    }
    writeln!(out, "{} is ready in {}", lock.model.name, folder.display())?;
    if for_gpu { gpu::pull(&lock, out) } else { Ok(()) }
}

fn pull_runtime(runtime: &Runtime, library: &Path, digest: &str) -> Result<(), ModelError> {
    let scratch = scratch::folder()?;
    let request = wheel::Request {
        package: &runtime.package,
        version: &runtime.version,
        platform: &runtime.platform,
        sha256: &runtime.sha256,
    };
    let wheel = wheel::download(&request, scratch.path())?;
    let extracted = scratch.path().join("library");
    wheel::extract(&wheel, &runtime.library, &extracted)?;
    wheel::check(&extracted, digest)?;
    scratch::rename(&extracted, library)
}

fn pull_model(lock: &Lock, folder: &Path, out: &mut dyn Write) -> Result<(), ModelError> {
    let scratch = scratch::folder()?;
    let prepared = scratch.path().join("model");
    for pinned in &lock.wheels {
        wheel::download_and_extract(pinned, scratch.path(), &prepared, out)?;
    }
    writeln!(out, "preparing {}", lock.model.name)?;
    let (encoder, decoder) = (prepared.join(VENDOR_ENCODER), prepared.join(VENDOR_DECODER));
    prepare(&encoder, &decoder, &prepared)?;
    for vendor_file in [encoder, decoder] {
        fs::remove_file(&vendor_file).map_err(ModelError::io("write", &vendor_file))?;
    }
    for (name, digest) in &lock.model.files {
        wheel::check(&prepared.join(name), digest)?;
    }
    scratch::replace_folder(&prepared, folder)
}
