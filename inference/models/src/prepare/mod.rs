//! Model preparation: from the vendor's weights to graphs that are lean and exact in any batch.
//!
//! The vendor ships Moonshine as two graphs in ONNX Runtime's own format. They are slow in batches, and a
//! segment's result depends on what it is batched with (per-tensor activation scales, a norm that averages over
//! padding, a mask that is two frames too long). Preparation takes only the weights from them and writes new graphs:
//! `encoder.onnx` runs one segment without padding, `decoder.onnx` runs one step for any set of rows.
//!
//! It is part of the binary, and not a script at build time, so that `verbatim model pull` needs nothing but
//! pip, and so that an image build, a laptop and the tests make the same bytes. It is deterministic: the same
//! weights give the same files, and their digests are pinned beside the weights' own.

mod decoder;
mod decoder_batch;
mod encoder;
mod encoder_batch;
mod float;
mod front_end;
mod graph;
mod onnx;
mod ort_format;
mod quantise;
pub mod rotary;
mod weights;

use std::path::{Path, PathBuf};

pub use encoder_batch::POSITIONS as BATCH_FRAMES;
pub use weights::WeightsError;

/// Dimensions of Moonshine tiny. Source: the shapes of the vendor's weights.
pub mod shape {
    /// Width of the hidden states.
    pub const HIDDEN: usize = 288;
    /// Attention heads.
    pub const HEADS: usize = 8;
    /// Width of a head.
    pub const HEAD: usize = HIDDEN / HEADS;
    /// Layers, in the encoder and in the decoder.
    pub const LAYERS: usize = 6;
    /// Width inside the feed-forward blocks.
    pub const INNER: usize = 1152;
    /// Dimensions of a head that rotary position embedding turns, in interleaved pairs.
    pub const ROTARY: usize = 32;
    /// Most tokens of one sequence. 15 s at 6.5 tokens a second are 98; a segment may be longer with other settings.
    pub const MAX_TOKENS: usize = 448;
}

/// Domain of the operators that this program adds to ONNX Runtime; see `engine::moonshine::operators`.
pub const OPERATOR_DOMAIN: &str = "verbatim";

/// Why preparation failed.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
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
    /// The weights are not what the graphs are built from.
    #[error("failed to take the weights out of {path}")]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is missing or malformed.
        source: WeightsError,
    },
}

/// Files that `prepare` writes, by name.
pub const PREPARED_FILES: [&str; 2] = ["encoder.onnx", "decoder.onnx"];

/// Files that [`prepare_batch`] writes, by name.
pub const BATCH_FILES: [&str; 3] = ["encoder_batch.onnx", "decoder_batch.onnx", "keep_batch.onnx"];

/// Writes the graphs for a CPU into `target`.
///
/// `encoder` and `decoder` are the vendor's `encoder_model.ort` and `decoder_model_merged.ort`.
///
/// # Errors
/// A file that cannot be read or written, or weights of another shape or name than Moonshine tiny's.
pub fn prepare(encoder: &Path, decoder: &Path, target: &Path) -> Result<(), PrepareError> {
    let builds: [Build; 2] = [encoder::build, |_, decoder| decoder::build(decoder)];
    write(encoder, decoder, target, PREPARED_FILES.into_iter().zip(builds))
}

/// Writes the graphs for a GPU into `target`: float arithmetic by standard operators, for padded batches.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_batch(encoder: &Path, decoder: &Path, target: &Path) -> Result<(), PrepareError> {
    let builds: [Build; 3] = [
        encoder_batch::build,
        |_, decoder| decoder_batch::build(decoder),
        |_, _| Ok(decoder_batch::build_keep()),
    ];
    write(encoder, decoder, target, BATCH_FILES.into_iter().zip(builds))
}

type Build = fn(&weights::Weights<'_>, &weights::Weights<'_>) -> Result<Vec<u8>, WeightsError>;

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
    let encoder_weights = weights::Weights::parse(&encoder_bytes).map_err(fail(encoder))?;
    let decoder_weights = weights::Weights::parse(&decoder_bytes).map_err(fail(decoder))?;
    for (name, build) in files {
        let source = if name.starts_with("encoder") { encoder } else { decoder };
        let bytes = build(&encoder_weights, &decoder_weights).map_err(fail(source))?;
        let path = target.join(name);
        std::fs::write(&path, bytes).map_err(|source| PrepareError::Io { action: "write", path, source })?;
    }
    Ok(())
}
