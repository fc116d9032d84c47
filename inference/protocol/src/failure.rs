//! Failure of a file: a reason from the closed list, and a message.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use verbatim_crds::contract::FailureReason;

/// Failure of one file: reason, message, and the position in the audio where known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Reason, from the closed list.
    pub reason: FailureReason,
    /// Message for people: lower case, no full stop, no file name.
    pub message: String,
    /// Seconds of audio decoded before the failure, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position_seconds: Option<f64>,
}

/// Writes the message and the position: `the data is damaged (at 12.3 s)`.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.position_seconds {
            Some(seconds) => write!(f, " (at {seconds:.1} s)"),
            None => Ok(()),
        }
    }
}

/// Phrases that always mean out of memory, in lower case: from C++, ONNX Runtime's arena and CUDA's
/// libraries.
const UNAMBIGUOUS_PHRASES: [&str; 8] = [
    "std::bad_alloc",
    "failed to allocate memory",
    // From ONNX Runtime's arena when it has a limit.
    "is smaller than requested bytes",
    "cuda out of memory",
    "cudaerrormemoryallocation",
    "cuda_error_out_of_memory",
    "cudnn_status_alloc_failed",
    "cublas_status_alloc_failed",
];

/// Phrases that also occur in warnings about memory that was then allocated in another way, in lower case.
/// They count only in the message of an error that ended the work.
const AMBIGUOUS_PHRASES: [&str; 2] = ["out of memory", "cannot allocate memory"];

/// Whether the message of a fatal error means out of memory, on the host or on a GPU. The text decides
/// because ONNX Runtime and CUDA give these errors no code of their own.
pub fn is_out_of_memory(message: &str) -> bool {
    mentions_out_of_memory(message, true)
}

/// Whether a line of output means out of memory. `fatal`: the process or the call failed with it, so that
/// ambiguous phrases count too.
pub fn mentions_out_of_memory(message: &str, fatal: bool) -> bool {
    let message = message.to_ascii_lowercase();
    let rust = message.contains("memory allocation of ") && message.contains(" bytes failed");
    rust || UNAMBIGUOUS_PHRASES.iter().any(|phrase| message.contains(phrase))
        || fatal && AMBIGUOUS_PHRASES.iter().any(|phrase| message.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_of_memory_is_recognised_by_the_message() {
        for (message, is) in [
            (
                "Non-zero status code returned while running MatMul node. Failed to allocate memory for requested buffer",
                true,
            ),
            ("CUDA failure 2: out of memory ; GPU=0", true),
            ("mmap: Cannot allocate memory (os error 12)", true),
            ("invalid dimensions for input", false),
            ("", false),
        ] {
            assert_eq!(is_out_of_memory(message), is, "{message}");
        }
    }
}
