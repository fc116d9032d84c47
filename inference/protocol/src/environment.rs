//! Environment variables that the engine reads. The supervisor passes these, and no other variables of this
//! program, to its engines.

/// Log filter, for example `verbatim=debug`.
pub const LOG_VARIABLE: &str = "VERBATIM_LOG";
/// Folder of models and libraries. Default: `verbatim` in the user's cache folder.
pub const CACHE_VARIABLE: &str = "VERBATIM_CACHE";
/// Path of an ONNX Runtime library that replaces the pinned one.
pub const LIBRARY_VARIABLE: &str = "VERBATIM_ONNXRUNTIME";
/// Disabled layers of memory management, to measure the cost and effect of each: any of `arena`, `shrink`,
/// `trim`, separated by commas.
pub const MEMORY_OFF_VARIABLE: &str = "VERBATIM_MEMORY_OFF";
/// Disables ONNX Runtime's telemetry (`1`). Since 1.29 the builds on PyPI send telemetry on Linux, through a
/// database in the user's cache and HTTPS. They read the variable when the library is loaded, before
/// `ort::environment::EnvironmentBuilder::with_telemetry` can say no, so the process that loads the runtime
/// sets it.
pub const TELEMETRY_OFF_VARIABLE: &str = "ORT_DISABLE_TELEMETRY";
/// Disabled layers of the sandbox, to find out what a driver needs: any of `seccomp`, `landlock`, separated
/// by commas.
pub const SANDBOX_OFF_VARIABLE: &str = "VERBATIM_SANDBOX_OFF";
