//! Preparation of the graph files from the vendor's files.

use std::path::{Path, PathBuf};

use crate::moonshine::{cpu, gpu};
use crate::onnx::WeightsError;
use crate::onnx::weights::Weights;

/// Failure of the preparation.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// A file could not be read or written.
    #[error("failed to {action} {path}")]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// The weights are not those that the graphs need.
    #[error("failed to read the weights from {path}")]
    Weights {
        /// Path of the vendor's file.
        path: PathBuf,
        /// Missing or malformed part.
        source: WeightsError,
    },
}

/// Vendor's file with the encoder, as named in the cache.
pub(crate) const VENDOR_ENCODER: &str = "encoder_model.ort";
/// Vendor's file with the decoder, as named in the cache.
pub(crate) const VENDOR_DECODER: &str = "decoder_model_merged.ort";

/// Names of the files that [`prepare`] writes.
pub const PREPARED_FILES: [&str; 2] = ["encoder.onnx", "decoder.onnx"];

/// Names of the files that [`prepare_for_gpu`] writes: encoder, decoder, and the graph that keeps some rows
/// of a batch.
pub const GPU_FILES: [&str; 3] = ["encoder_batch.onnx", "decoder_batch.onnx", "keep_batch.onnx"];

/// Writes the graphs for a CPU into `target`.
///
/// `encoder` and `decoder` are the vendor's `encoder_model.ort` and `decoder_model_merged.ort`.
///
/// # Errors
/// A file cannot be read or written, or the weights differ from Moonshine tiny's in shape or name.
pub fn prepare(encoder: &Path, decoder: &Path, target: &Path) -> Result<(), PrepareError> {
    let builds: [Build; 2] = [cpu::encoder::build, |_, decoder| cpu::decoder::build(decoder)];
    write(encoder, decoder, target, PREPARED_FILES.into_iter().zip(builds))
}

/// Writes the graphs for a GPU into `target`: float arithmetic by standard operators, for padded batches.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_for_gpu(encoder: &Path, decoder: &Path, target: &Path) -> Result<(), PrepareError> {
    let builds: [Build; 3] = [
        gpu::encoder::build,
        |_, decoder| gpu::decoder::build(decoder),
        |_, _| Ok(gpu::decoder::build_keep()),
    ];
    write(encoder, decoder, target, GPU_FILES.into_iter().zip(builds))
}

/// Builds a graph from the weights of encoder and decoder.
type Build = fn(&Weights<'_>, &Weights<'_>) -> Result<Vec<u8>, WeightsError>;

fn write(
    encoder: &Path,
    decoder: &Path,
    target: &Path,
    files: impl Iterator<Item = (&'static str, Build)>,
) -> Result<(), PrepareError> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|source| PrepareError::Io {
            action: "read",
            path: path.to_owned(),
            source,
        })
    };
    let (encoder_bytes, decoder_bytes) = (read(encoder)?, read(decoder)?);
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| PrepareError::Weights { path, source }
    };
    let encoder_weights = Weights::parse(&encoder_bytes).map_err(fail(encoder))?;
    let decoder_weights = Weights::parse(&decoder_bytes).map_err(fail(decoder))?;
    for (name, build) in files {
        let source = if name.starts_with("encoder") { encoder } else { decoder };
        let bytes = build(&encoder_weights, &decoder_weights).map_err(fail(source))?;
        let path = target.join(name);
        std::fs::write(&path, bytes).map_err(|source| PrepareError::Io { action: "write", path, source })?;
    }
    Ok(())
}
