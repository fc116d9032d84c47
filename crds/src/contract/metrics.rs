//! Names of metrics. Units are in the names.

/// Defines a constant for each name, a list of all, and a list of the constants' names with their values, for
/// other languages.
macro_rules! names {
    ($(#[$all:meta])* $list:ident; $($(#[$what:meta])* $constant:ident = $name:literal;)*) => {
        $($(#[$what])* pub const $constant: &str = $name;)*
        $(#[$all])*
        pub const $list: [&str; [$($name),*].len()] = [$($constant),*];
        /// Names of the constants with their values.
        pub const CONSTANTS: [(&str, &str); $list.len()] = [$((stringify!($constant), $constant)),*];
    };
}

names! {
    /// All metrics of a worker.
    ALL;

    // Processes of a worker, measured from outside, by [`labels::PROCESS`]; engines are summed.

    /// Gauge: resident memory.
    PROCESS_RESIDENT_MEMORY_BYTES = "verbatim_process_resident_memory_bytes";
    /// Gauge: peak resident memory.
    PROCESS_PEAK_RESIDENT_MEMORY_BYTES = "verbatim_process_peak_resident_memory_bytes";
    /// Gauge: proportional set size (PSS): shared pages are divided by their number of users.
    PROCESS_PROPORTIONAL_MEMORY_BYTES = "verbatim_process_proportional_memory_bytes";
    /// Gauge: anonymous resident memory.
    PROCESS_ANONYMOUS_MEMORY_BYTES = "verbatim_process_anonymous_memory_bytes";
    /// Gauge: swapped memory.
    PROCESS_SWAPPED_MEMORY_BYTES = "verbatim_process_swapped_memory_bytes";
    /// Counter: user and system time, past engines included.
    PROCESS_CPU_SECONDS_TOTAL = "verbatim_process_cpu_seconds_total";
    /// Gauge: threads.
    PROCESS_THREADS = "verbatim_process_threads";
    /// Gauge: open file descriptors.
    PROCESS_OPEN_FILES = "verbatim_process_open_files";

    // The engine.

    /// Gauge: resident memory of the engine.
    ENGINE_RESIDENT_MEMORY_BYTES = "verbatim_engine_resident_memory_bytes";
    /// Gauge: growth of the engine's resident memory per hour after warm-up.
    ENGINE_MEMORY_GROWTH_BYTES_PER_HOUR = "verbatim_engine_memory_growth_bytes_per_hour";
    /// Gauge: 95 % confidence interval of the growth per hour, by [`labels::BOUND`].
    ENGINE_MEMORY_GROWTH_BOUND_BYTES_PER_HOUR = "verbatim_engine_memory_growth_bound_bytes_per_hour";
    /// Gauge: growth of the engine's resident memory per hour of audio.
    ENGINE_MEMORY_GROWTH_BYTES_PER_AUDIO_HOUR = "verbatim_engine_memory_growth_bytes_per_audio_hour";
    /// Gauge: 95 % confidence interval of the growth per hour of audio, by [`labels::BOUND`].
    ENGINE_MEMORY_GROWTH_BOUND_BYTES_PER_AUDIO_HOUR = "verbatim_engine_memory_growth_bound_bytes_per_audio_hour";
    /// Gauge: resident memory at which the engine is replaced or killed, by [`labels::LIMIT`].
    ENGINE_MEMORY_LIMIT_BYTES = "verbatim_engine_memory_limit_bytes";
    /// Gauge: memory in use of ONNX Runtime's CPU arenas.
    ENGINE_ARENA_USED_BYTES = "verbatim_engine_arena_used_bytes";
    /// Gauge: memory that ONNX Runtime's CPU arenas have reserved from the system.
    ENGINE_ARENA_RESERVED_BYTES = "verbatim_engine_arena_reserved_bytes";
    /// Gauge: 1 while an engine is ready for files.
    ENGINE_READY = "verbatim_engine_ready";
    /// Counter: engines started, the first included.
    ENGINES_STARTED_TOTAL = "verbatim_engines_started_total";
    /// Counter: replaced engines, by [`labels::REASON`].
    ENGINE_RECYCLES_TOTAL = "verbatim_engine_recycles_total";
    /// Histogram: time without a ready engine, for each replacement.
    ENGINE_GAP_SECONDS = "verbatim_engine_gap_seconds";
    /// Histogram: time from an engine's start until it is ready.
    MODEL_LOAD_SECONDS = "verbatim_model_load_seconds";

    // Cgroup of the worker.

    /// Gauge: charged memory.
    CGROUP_MEMORY_CURRENT_BYTES = "verbatim_cgroup_memory_current_bytes";
    /// Gauge: charged memory without reclaimable page cache.
    CGROUP_MEMORY_WORKING_SET_BYTES = "verbatim_cgroup_memory_working_set_bytes";
    /// Gauge: peak of charged memory.
    CGROUP_MEMORY_PEAK_BYTES = "verbatim_cgroup_memory_peak_bytes";
    /// Gauge: memory limit.
    CGROUP_MEMORY_LIMIT_BYTES = "verbatim_cgroup_memory_limit_bytes";
    /// Counter: processes that the kernel killed for lack of memory.
    CGROUP_OOM_KILLS_TOTAL = "verbatim_cgroup_oom_kills_total";

    // GPUs, by [`labels::GPU`].

    /// Gauge: used memory of the GPU, by all processes.
    CUDA_MEMORY_USED_BYTES = "verbatim_cuda_memory_used_bytes";
    /// Gauge: total memory of the GPU.
    CUDA_MEMORY_TOTAL_BYTES = "verbatim_cuda_memory_total_bytes";
    /// Gauge: memory of the GPU that the engine uses.
    ENGINE_CUDA_MEMORY_USED_BYTES = "verbatim_engine_cuda_memory_used_bytes";

    // Work.

    /// Counter: transcribed audio.
    AUDIO_SECONDS_TOTAL = "verbatim_audio_seconds_total";
    /// Counter: time in the model.
    INFERENCE_SECONDS_TOTAL = "verbatim_inference_seconds_total";
    /// Counter: transcribed segments.
    SEGMENTS_TOTAL = "verbatim_segments_total";
    /// Counter: audio of the transcribed segments.
    SEGMENT_SECONDS_TOTAL = "verbatim_segment_seconds_total";
    /// Counter: padding of batches.
    PADDING_SECONDS_TOTAL = "verbatim_padding_seconds_total";
    /// Counter: time that segments waited for the model.
    SEGMENT_WAIT_SECONDS_TOTAL = "verbatim_segment_wait_seconds_total";
    /// Histogram: share of padding in batches between two reports of an engine, 0 to 1.
    BATCH_PADDING_RATIO = "verbatim_batch_padding_ratio";
    /// Gauge: maximum seconds of segments in a batch, with padding.
    BATCH_BUDGET_SECONDS = "verbatim_batch_budget_seconds";

    // Files.

    /// Counter: files, by [`labels::OUTCOME`].
    FILES_TOTAL = "verbatim_files_total";
    /// Counter: failed files, by [`labels::REASON`].
    FILE_FAILURES_TOTAL = "verbatim_file_failures_total";
    /// Counter: files that were in flight when an engine was lost.
    FILE_SUSPECTS_TOTAL = "verbatim_file_suspects_total";
    /// Gauge: files in flight.
    FILES_IN_FLIGHT = "verbatim_files_in_flight";
    /// Histogram: real-time factor (processing seconds per audio second) of each file.
    FILE_REAL_TIME_FACTOR = "verbatim_file_real_time_factor";
    /// Histogram: time that each file waited for the engine.
    FILE_QUEUE_SECONDS = "verbatim_file_queue_seconds";
    /// Gauge: bytes of recordings without an outcome in this worker. [`super::http::JOB`] has the progress of
    /// a job with several workers.
    REMAINING_BYTES = "verbatim_remaining_bytes";
    /// Gauge: recordings without an outcome in this worker, as [`REMAINING_BYTES`].
    REMAINING_FILES = "verbatim_remaining_files";

    // Prefetched recordings, in a job over a store.

    /// Gauge: recordings in the spool.
    SPOOL_FILES = "verbatim_spool_files";
    /// Gauge: size of the spool.
    SPOOL_BYTES = "verbatim_spool_bytes";
    /// Gauge: maximum size of the spool.
    SPOOL_LIMIT_BYTES = "verbatim_spool_limit_bytes";

    // The rest.

    /// Histogram: requests to the store, by [`labels::OPERATION`] and [`labels::CODE`].
    STORE_REQUEST_SECONDS = "verbatim_store_request_seconds";
    /// Info: always 1, by [`labels::VERSION`].
    BUILD_INFO = "verbatim_build_info";
}

/// Names of Prometheus' own clients for a process, here the supervisor.
pub mod standard {
    names! {
        /// All names that a worker exports.
        ALL;
        /// Counter: user and system time.
        PROCESS_CPU_SECONDS_TOTAL = "process_cpu_seconds_total";
        /// Gauge: resident memory.
        PROCESS_RESIDENT_MEMORY_BYTES = "process_resident_memory_bytes";
        /// Gauge: open file descriptors.
        PROCESS_OPEN_FDS = "process_open_fds";
        /// Gauge: start time of the process, in seconds since 1970.
        PROCESS_START_TIME_SECONDS = "process_start_time_seconds";
    }
}

/// Metrics of the operator.
pub mod operator {
    names! {
        /// All of them.
        ALL;

        /// Counter: reconciles.
        RECONCILES_TOTAL = "verbatim_operator_reconciles_total";
        /// Counter: failed reconciles, by [`super::labels::STEP`].
        RECONCILE_ERRORS_TOTAL = "verbatim_operator_reconcile_errors_total";
        /// Histogram: duration of reconciles, by [`super::labels::PART`].
        RECONCILE_SECONDS = "verbatim_operator_reconcile_seconds";
        /// Counter: scrapes of workers, by [`super::labels::RESULT`].
        SCRAPES_TOTAL = "verbatim_operator_scrapes_total";
        /// Gauge: 1 while this replica leads.
        LEADER = "verbatim_operator_leader";
        /// Gauge: jobs by [`super::labels::PHASE`].
        JOBS = "verbatim_jobs";
        /// Gauge: recordings of a job, by [`super::labels::OUTCOME`].
        JOB_FILES = "verbatim_job_files";
        /// Gauge: recordings of a job without an outcome.
        JOB_REMAINING_FILES = "verbatim_job_remaining_files";
        /// Gauge: transcribed audio of a job, in seconds.
        JOB_AUDIO_SECONDS = "verbatim_job_audio_seconds";
        /// Gauge: remaining audio of a job in seconds, estimated.
        JOB_REMAINING_AUDIO_SECONDS = "verbatim_job_remaining_audio_seconds";
        /// Gauge: worker seconds per audio second.
        JOB_REAL_TIME_FACTOR = "verbatim_job_real_time_factor";
        /// Gauge: audio seconds per second, all workers together.
        JOB_SPEED_UP_RATIO = "verbatim_job_speed_up_ratio";
        /// Gauge: desired workers.
        JOB_WORKERS_DESIRED = "verbatim_job_workers_desired";
        /// Gauge: ready workers.
        JOB_WORKERS_READY = "verbatim_job_workers_ready";
        /// Gauge: estimated time of completion, in seconds since 1970.
        JOB_ESTIMATED_COMPLETION_TIMESTAMP_SECONDS = "verbatim_job_estimated_completion_timestamp_seconds";
        /// Gauge: time when an unfinished job fails, in seconds since 1970.
        JOB_DEADLINE_TIMESTAMP_SECONDS = "verbatim_job_deadline_timestamp_seconds";
        /// Gauge: replaced engines of a job, by [`super::labels::REASON`].
        JOB_RECYCLES = "verbatim_job_recycles";
        /// Gauge: workers of a job that the operator replaced.
        JOB_RESTARTS = "verbatim_job_restarts";
        /// Gauge: 1 while a condition of a job is True, by [`super::labels::CONDITION`] and
        /// [`super::labels::REASON`].
        JOB_CONDITION = "verbatim_job_condition";
    }
}

/// Names of labels. Values come from closed lists or are small numbers, and never come from files.
pub mod labels {
    names! {
        /// All of them.
        ALL;

        /// Outcome of a file: one of the outcomes in [`super::values`].
        OUTCOME = "outcome";
        /// Reason, from a closed list.
        REASON = "reason";
        /// Operation of a request to the store.
        OPERATION = "operation";
        /// Status of the store's answer.
        CODE = "code";
        /// Process of the worker.
        PROCESS = "process";
        /// Number of the GPU.
        GPU = "gpu";
        /// End of an interval.
        BOUND = "bound";
        /// Kind of limit: `soft` or `hard`.
        LIMIT = "limit";
        /// Step of a reconcile.
        STEP = "step";
        /// Part of a reconcile's duration: `all`, or `own` without waiting for the API server and the
        /// workers.
        PART = "part";
        /// Result of a scrape: `ok` or `error`.
        RESULT = "result";
        /// Phase of a job.
        PHASE = "phase";
        /// Type of a condition.
        CONDITION = "condition";
        /// Namespace of a job. Prometheus would rename a label `namespace` to `exported_namespace` where it
        /// adds its own.
        NAMESPACE = "job_namespace";
        /// Name of a job.
        JOB = "job_name";
        /// Version of the binary.
        VERSION = "version";
    }
}

/// Values of labels.
pub mod values {
    names! {
        /// All of them.
        ALL;

        /// [`super::labels::PROCESS`]: all engines of the worker.
        ENGINE = "engine";
        /// [`super::labels::PROCESS`]: the supervisor.
        SUPERVISOR = "supervisor";
        /// [`super::labels::OUTCOME`]: transcribed.
        SUCCEEDED = "succeeded";
        /// [`super::labels::OUTCOME`]: failed for good.
        FAILED = "failed";
        /// [`super::labels::OUTCOME`]: skipped, since it had a transcript.
        SKIPPED = "skipped";
        /// [`super::labels::BOUND`]: the lower end.
        LOWER = "lower";
        /// [`super::labels::BOUND`]: the upper end.
        UPPER = "upper";
        /// [`super::labels::LIMIT`]: the engine finishes its files and is replaced.
        SOFT = "soft";
        /// [`super::labels::LIMIT`]: the engine is killed.
        HARD = "hard";
        /// [`super::labels::STEP`]: a read from the API server.
        STEP_OBSERVE = "observe";
        /// [`super::labels::STEP`]: a write to the API server.
        STEP_APPLY = "apply";
        /// [`super::labels::STEP`]: the check for leadership, before writes.
        STEP_LEADER = "leader";
        /// [`super::labels::PART`]: the whole reconcile.
        PART_ALL = "all";
        /// [`super::labels::PART`]: without waiting for the API server and the workers.
        PART_OWN = "own";
        /// [`super::labels::RESULT`]: the worker answered.
        RESULT_OK = "ok";
        /// [`super::labels::RESULT`]: it did not.
        RESULT_ERROR = "error";
    }
}
