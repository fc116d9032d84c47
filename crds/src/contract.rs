//! What operator, worker, dashboards and alerts agree on: exit codes and metric names.

/// Exit codes of a worker. The operator's `podFailurePolicy` is written from them.
pub mod exit {
    /// Nothing is left to claim.
    pub const DONE: u8 = 0;
    /// Some files failed; all the others are done. Of `verbatim run` and `verbatim transcribe` only.
    pub const SOME_FAILED: u8 = 1;
    /// The command line is wrong.
    pub const USAGE: u8 = 2;
    /// Drained: run me again (sysexits' `EX_TEMPFAIL`). Counts as no failure.
    pub const DRAINED: u8 = 75;
    /// The configuration is wrong (sysexits' `EX_CONFIG`). The job fails, since a retry would as well.
    pub const CONFIGURATION: u8 = 78;
}

/// Largest termination message of a container, in bytes. Kubernetes cuts the rest off, and half a JSON is none.
pub const TERMINATION_MESSAGE_BYTES: usize = 4096;

/// Names of metrics. Units are in the names.
pub mod metrics {
    /// Gauge: resident memory of the engine.
    pub const ENGINE_RESIDENT_MEMORY_BYTES: &str = "verbatim_engine_resident_memory_bytes";
    /// Gauge: growth of the engine's resident memory after it has warmed up.
    pub const ENGINE_MEMORY_GROWTH_BYTES_PER_HOUR: &str = "verbatim_engine_memory_growth_bytes_per_hour";
    /// Gauge: GPU memory of the engine.
    pub const CUDA_MEMORY_USED_BYTES: &str = "verbatim_cuda_memory_used_bytes";
    /// Gauge: memory of the GPU.
    pub const CUDA_MEMORY_TOTAL_BYTES: &str = "verbatim_cuda_memory_total_bytes";
    /// Counter: audio transcribed.
    pub const AUDIO_SECONDS_TOTAL: &str = "verbatim_audio_seconds_total";
    /// Counter: time in the model.
    pub const INFERENCE_SECONDS_TOTAL: &str = "verbatim_inference_seconds_total";
    /// Histogram: processing seconds per audio second of each file.
    pub const FILE_REAL_TIME_FACTOR: &str = "verbatim_file_real_time_factor";
    /// Counter: files, by [`labels::OUTCOME`].
    pub const FILES_TOTAL: &str = "verbatim_files_total";
    /// Counter: failed files, by [`labels::REASON`].
    pub const FILE_FAILURES_TOTAL: &str = "verbatim_file_failures_total";
    /// Counter: engines replaced, by [`labels::REASON`].
    pub const ENGINE_RECYCLES_TOTAL: &str = "verbatim_engine_recycles_total";
    /// Gauge: bytes of recordings still to do.
    pub const REMAINING_BYTES: &str = "verbatim_remaining_bytes";
    /// Gauge: padding's share of what went through the model, 0 to 1.
    pub const BATCH_PADDING_RATIO: &str = "verbatim_batch_padding_ratio";
    /// Histogram: requests to the store, by [`labels::OPERATION`] and [`labels::CODE`].
    pub const STORE_REQUEST_SECONDS: &str = "verbatim_store_request_seconds";

    /// Every name.
    pub const ALL: [&str; 13] = [
        ENGINE_RESIDENT_MEMORY_BYTES,
        ENGINE_MEMORY_GROWTH_BYTES_PER_HOUR,
        CUDA_MEMORY_USED_BYTES,
        CUDA_MEMORY_TOTAL_BYTES,
        AUDIO_SECONDS_TOTAL,
        INFERENCE_SECONDS_TOTAL,
        FILE_REAL_TIME_FACTOR,
        FILES_TOTAL,
        FILE_FAILURES_TOTAL,
        ENGINE_RECYCLES_TOTAL,
        REMAINING_BYTES,
        BATCH_PADDING_RATIO,
        STORE_REQUEST_SECONDS,
    ];

    /// Names of labels.
    pub mod labels {
        /// What became of a file: `succeeded`, `failed`, `skipped`.
        pub const OUTCOME: &str = "outcome";
        /// Why, from a closed list.
        pub const REASON: &str = "reason";
        /// What was asked of the store.
        pub const OPERATION: &str = "operation";
        /// What the store answered.
        pub const CODE: &str = "code";
    }
}

#[cfg(test)]
mod tests {
    use super::metrics;

    #[test]
    fn metric_names_are_ours_and_differ() {
        let distinct: std::collections::BTreeSet<_> = metrics::ALL.into_iter().collect();
        assert_eq!(distinct.len(), metrics::ALL.len());
        for name in metrics::ALL {
            assert!(name.starts_with("verbatim_"), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        }
    }
}
