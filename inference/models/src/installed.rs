//! Installed models: lookup by name, or by the path of a prepared folder.

use std::path::{Path, PathBuf};

use verbatim_protocol::environment::LIBRARY_VARIABLE;

use crate::error::ModelError;
use crate::lock_file::Lock;
use crate::{cache, digest, gpu};

/// Prepared model on this machine, with the runtime that it needs.
#[derive(Clone, Debug)]
pub struct InstalledModel {
    /// Name as in `verbatim model list`, or name of the folder.
    pub name: String,
    /// `sha256:` and the digest of the prepared files.
    pub digest: String,
    /// Language of its texts, ISO 639-1.
    pub language: String,
    /// Folder of the prepared files.
    pub folder: PathBuf,
    /// Shared library of ONNX Runtime.
    pub library: PathBuf,
    /// Shared library of ONNX Runtime with a CUDA provider beside it, if installed.
    pub gpu_library: Option<PathBuf>,
    /// Folder of the graphs for a GPU, if installed.
    pub gpu_folder: Option<PathBuf>,
}

impl InstalledModel {
    /// Whether the model writes a language. `en` covers `en-GB`, but not the other way round.
    pub fn writes(&self, language: &str) -> bool {
        let rest = language.strip_prefix(self.language.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

/// Finds a model by name, or by the path of a prepared folder.
///
/// # Errors
/// [`ModelError::NotInstalled`] says what to run; [`ModelError::UnknownModel`].
pub fn find(model: &str) -> Result<InstalledModel, ModelError> {
    let lock = Lock::built_in()?;
    let library = match std::env::var_os(LIBRARY_VARIABLE).filter(|v| !v.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => cache::library(cache::runtime(&lock)?)?,
    };
    let missing =
        |path: &Path| ModelError::NotInstalled { name: lock.model.name.clone(), path: path.to_owned() };
    if !library.is_file() {
        return Err(missing(&library));
    }
    let gpu_library = gpu::library(&lock, &library)?;
    let language = lock.model.language.clone();
    if model == lock.model.name {
        let folder = cache::model(&lock)?;
        if let Some(path) = lock.model.files.keys().map(|f| folder.join(f)).find(|p| !p.is_file()) {
            return Err(missing(&path));
        }
        return Ok(InstalledModel {
            name: lock.model.name.clone(),
            digest: lock.model.digest(),
            language,
            folder,
            library,
            gpu_library,
            gpu_folder: gpu::graphs(&lock, cache::gpu_graphs(&lock)?),
        });
    }
    let folder = PathBuf::from(model);
    if !folder.join("decoder.onnx").is_file() {
        return Err(ModelError::UnknownModel(model.to_owned()));
    }
    // A user's own folder: its digest is computed, because nothing is pinned.
    let mut found = lock.model.clone();
    for (name, digest) in found.files.iter_mut().filter(|(name, _)| !name.starts_with("samples/")) {
        let path = folder.join(name);
        *digest = digest::of_file(&path).map_err(ModelError::io("read", &path))?.0;
    }
    let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
    let gpu_folder = gpu::graphs(&lock, folder.clone());
    Ok(InstalledModel { name, digest: found.digest(), language, folder, library, gpu_library, gpu_folder })
}
