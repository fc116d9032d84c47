//! `verbatim model list`, `show` and `verify`.

use std::io::Write;

use verbatim_protocol::environment::LIBRARY_VARIABLE;

use crate::error::ModelError;
use crate::installed::find;
use crate::lock_file::Lock;
use crate::{cache, gpu, wheel};

/// Writes a line for each model: name, language, and whether it is installed.
///
/// # Errors
/// [`ModelError::Output`].
pub fn list(out: &mut dyn Write) -> Result<(), ModelError> {
    let lock = Lock::built_in()?;
    let state = match find(&lock.model.name) {
        Ok(_) => "installed".to_owned(),
        Err(ModelError::NotInstalled { .. }) => "not installed: run `verbatim model pull`".to_owned(),
        Err(error) => error.to_string(),
    };
    Ok(writeln!(out, "{}  {}  {state}", lock.model.name, lock.model.language)?)
}

/// Writes a model's properties, files, digests, licence and folder; only the folder if `path_only`.
///
/// # Errors
/// [`ModelError`] says what is missing.
pub fn show(model: &str, path_only: bool, out: &mut dyn Write) -> Result<(), ModelError> {
    let lock = Lock::of_model(model)?;
    let folder = cache::model(&lock)?;
    if path_only {
        return Ok(writeln!(out, "{}", folder.display())?);
    }
    writeln!(out, "name     {}", lock.model.name)?;
    writeln!(out, "family   {}", lock.model.family)?;
    writeln!(out, "language {}", lock.model.language)?;
    writeln!(out, "licence  {}", lock.model.licence)?;
    writeln!(out, "digest   {}", lock.model.digest())?;
    writeln!(out, "folder   {}", folder.display())?;
    let runtime = cache::runtime(&lock)?;
    let library = cache::library(runtime)?;
    writeln!(out, "runtime  {} {} ({})", runtime.package, runtime.version, library.display())?;
    for (name, digest) in &lock.model.files {
        writeln!(out, "file     {digest}  {name}")?;
    }
    Ok(())
}

/// Computes the digests of a model's files, and compares them with the pinned ones.
///
/// # Errors
/// [`ModelError::Digest`] names the file and both digests.
pub fn verify(model: &str, out: &mut dyn Write) -> Result<(), ModelError> {
    let lock = Lock::of_model(model)?;
    let installed = find(model)?;
    for (name, digest) in &lock.model.files {
        wheel::check(&installed.folder.join(name), digest)?;
        writeln!(out, "ok  {name}")?;
    }
    let runtime = cache::runtime(&lock)?;
    if std::env::var_os(LIBRARY_VARIABLE).is_none() {
        wheel::check(&installed.library, &format!("sha256:{}", runtime.library_sha256))?;
        writeln!(out, "ok  {} {}", runtime.package, runtime.version)?;
    }
    gpu::verify(&lock, out)
}
