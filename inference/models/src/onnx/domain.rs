//! Domains of operators beyond the standard set.

/// ONNX Runtime's own operators.
pub(crate) const CONTRIB: &str = "com.microsoft";

/// Operators that this program adds to ONNX Runtime, implemented in the engine
/// (`moonshine/cpu/operators.rs`).
pub const OPERATOR_DOMAIN: &str = "verbatim";
