//! ONNX: reading ONNX Runtime's model format, and writing graphs. Independent of the model family.

pub(crate) mod domain;
pub(crate) mod error;
pub(crate) mod graph;
pub(crate) mod layers;
mod ort_format;
pub(crate) mod proto;
pub(crate) mod quantised;
pub(crate) mod weights;

pub use domain::OPERATOR_DOMAIN;
pub use error::WeightsError;
