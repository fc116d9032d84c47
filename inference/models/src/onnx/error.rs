//! Errors of reading weights.

/// Mismatch between a file and the weights that the graphs need.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file is not in ONNX Runtime's format, or is damaged.
    #[error("not a model in ONNX Runtime's format: {0}")]
    Malformed(&'static str),
    /// A required tensor or node is missing.
    #[error("{0} is missing in the model")]
    Missing(String),
    /// A tensor has an unexpected type or shape.
    #[error("{name} has type {data_type} and shape {dims:?}, expected {expected}")]
    Unexpected {
        /// Name of the tensor.
        name: String,
        /// `TensorProto.DataType` of ONNX.
        data_type: i32,
        /// Shape of the tensor.
        dims: Vec<usize>,
        /// Expected type or shape.
        expected: &'static str,
    },
}
