//! Preparation of Moonshine: from the vendor's weights to graphs that are lean, and exact in any batch.
//!
//! The vendor ships Moonshine as two graphs in ONNX Runtime's own format. They are slow in batches, and the
//! result of a segment depends on the other segments of its batch (per-tensor activation scales, a norm that
//! averages over padding, a mask that is two frames too long). Preparation takes only their weights and
//! writes new graphs: `encoder.onnx` runs one segment without padding, `decoder.onnx` runs one step for any
//! set of rows.
//!
//! Preparation is part of the binary, not a build script, so that `verbatim model pull` needs nothing but
//! pip, and image builds, laptops and tests produce the same bytes. It is deterministic: the same weights
//! give the same files, and their digests are pinned beside those of the weights.

mod cpu;
mod front_end;
mod gpu;
mod prepare;
pub mod rotary;
pub mod shape;

pub use gpu::encoder::POSITIONS as GPU_FRAMES;
pub use prepare::{GPU_FILES, PREPARED_FILES, PrepareError, prepare, prepare_for_gpu};
pub(crate) use prepare::{VENDOR_DECODER, VENDOR_ENCODER};
