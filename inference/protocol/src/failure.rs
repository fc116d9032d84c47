//! Why a file could not be transcribed: a reason from the closed list, and words.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use verbatim_crds::contract::FailureReason;

/// One file's failure: why, in words, and where in the audio if that is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The reason, from the closed list.
    pub reason: FailureReason,
    /// What is wrong, in words for a person: lower case, no full stop, no file name.
    pub message: String,
    /// Seconds of audio decoded before the failure, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position_seconds: Option<f64>,
}

/// The message and its place: `the data is damaged (at 12.3 s)`.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.position_seconds {
            Some(seconds) => write!(f, " (at {seconds:.1} s)"),
            None => Ok(()),
        }
    }
}

/// What is said where memory ran out: Rust's allocator, C++'s, ONNX Runtime's arena, CUDA's libraries. In lower case.
const OUT_OF_MEMORY: [&str; 8] = [
    "std::bad_alloc",
    "failed to allocate memory",
    // ONNX Runtime's arena, where it has a limit.
    "is smaller than requested bytes",
    "cuda out of memory",
    "cudaerrormemoryallocation",
    "cuda_error_out_of_memory",
    "cudnn_status_alloc_failed",
    "cublas_status_alloc_failed",
];

/// What is said in passing as well, of memory that then was had in another way: it counts only from who failed with it.
const PERHAPS: [&str; 2] = ["out of memory", "cannot allocate memory"];

/// Whether an error's message says that memory ran out, the host's or a GPU's. For errors that something failed with; ONNX
/// Runtime and CUDA tell them apart from others by their words alone.
pub fn is_out_of_memory(message: &str) -> bool {
    says_out_of_memory(message, true)
}

/// Whether a line says that memory ran out; `failed_with_it`: whoever said it failed with it.
pub fn says_out_of_memory(message: &str, failed_with_it: bool) -> bool {
    let message = message.to_ascii_lowercase();
    let rust = message.contains("memory allocation of ") && message.contains(" bytes failed");
    rust || OUT_OF_MEMORY.iter().any(|words| message.contains(words))
        || failed_with_it && PERHAPS.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_errors() {
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
