//! Environment variables of the engine. The supervisor passes these to its engines and no others of ours.

/// Log filter, as `verbatim=debug`.
pub const LOG_VARIABLE: &str = "VERBATIM_LOG";
/// Folder of models and libraries; default: `verbatim` in the user's cache folder.
pub const CACHE_VARIABLE: &str = "VERBATIM_CACHE";
/// Path of an ONNX Runtime library that replaces the pinned one.
pub const LIBRARY_VARIABLE: &str = "VERBATIM_ONNXRUNTIME";
/// Layers of memory management that are switched off, to measure what each costs and gives: any of `arena`, `shrink`,
/// `trim`, separated by commas.
pub const MEMORY_OFF_VARIABLE: &str = "VERBATIM_MEMORY_OFF";
/// Switches ONNX Runtime's telemetry off (`1`). The builds on PyPI send telemetry on Linux since 1.29, by a database in the
/// user's cache and HTTPS. They read the variable when the library is loaded, before
/// `ort::environment::EnvironmentBuilder::with_telemetry` can say no, so the process that loads the runtime sets it.
pub const TELEMETRY_OFF_VARIABLE: &str = "ORT_DISABLE_TELEMETRY";
/// Layers of the sandbox that are switched off, to find out what a driver needs: any of `seccomp`, `landlock`, separated by
/// commas.
pub const SANDBOX_OFF_VARIABLE: &str = "VERBATIM_SANDBOX_OFF";
