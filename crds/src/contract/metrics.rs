//! Names of metrics. Units are in the names.

/// Makes a constant of each name, a list of all, and one of all with the constants' names, for code in other languages.
macro_rules! names {
    ($(#[$all:meta])* $list:ident; $($(#[$what:meta])* $constant:ident = $name:literal;)*) => {
        $($(#[$what])* pub const $constant: &str = $name;)*
        $(#[$all])*
        pub const $list: [&str; [$($name),*].len()] = [$($constant),*];
        /// Names of the constants, and what they are.
        pub const CONSTANTS: [(&str, &str); $list.len()] = [$((stringify!($constant), $constant)),*];
    };
}

names! {
    /// Every name of ours.
    ALL;

    // The processes of a worker, as seen from outside, by [`labels::PROCESS`]; several engines are added up.

    /// Gauge: resident memory.
    PROCESS_RESIDENT_MEMORY_BYTES = "verbatim_process_resident_memory_bytes";
    /// Gauge: most resident memory so far.
    PROCESS_PEAK_RESIDENT_MEMORY_BYTES = "verbatim_process_peak_resident_memory_bytes";
    /// Gauge: resident memory, shared pages divided by those who share them (PSS).
    PROCESS_PROPORTIONAL_MEMORY_BYTES = "verbatim_process_proportional_memory_bytes";
    /// Gauge: resident memory that no file backs.
    PROCESS_ANONYMOUS_MEMORY_BYTES = "verbatim_process_anonymous_memory_bytes";
    /// Gauge: memory that is swapped out.
    PROCESS_SWAPPED_MEMORY_BYTES = "verbatim_process_swapped_memory_bytes";
    /// Counter: user and system time, that of engines which are gone included.
    PROCESS_CPU_SECONDS_TOTAL = "verbatim_process_cpu_seconds_total";
    /// Gauge: threads.
    PROCESS_THREADS = "verbatim_process_threads";
    /// Gauge: open file descriptors.
    PROCESS_OPEN_FILES = "verbatim_process_open_files";

    // The engine.

    /// Gauge: resident memory of the engine.
    ENGINE_RESIDENT_MEMORY_BYTES = "verbatim_engine_resident_memory_bytes";
    /// Gauge: growth of the engine's resident memory after it has warmed up.
    ENGINE_MEMORY_GROWTH_BYTES_PER_HOUR = "verbatim_engine_memory_growth_bytes_per_hour";
    /// Gauge: 95 % confidence interval of the growth, by [`labels::BOUND`].
    ENGINE_MEMORY_GROWTH_BOUND_BYTES_PER_HOUR = "verbatim_engine_memory_growth_bound_bytes_per_hour";
    /// Gauge: growth of the engine's resident memory for an hour of audio.
    ENGINE_MEMORY_GROWTH_BYTES_PER_AUDIO_HOUR = "verbatim_engine_memory_growth_bytes_per_audio_hour";
    /// Gauge: 95 % confidence interval of the growth for an hour of audio, by [`labels::BOUND`].
    ENGINE_MEMORY_GROWTH_BOUND_BYTES_PER_AUDIO_HOUR = "verbatim_engine_memory_growth_bound_bytes_per_audio_hour";
    /// Gauge: resident memory at which the engine is replaced or killed, by [`labels::LIMIT`].
    ENGINE_MEMORY_LIMIT_BYTES = "verbatim_engine_memory_limit_bytes";
    /// Gauge: what tensors use of ONNX Runtime's pools of CPU memory.
    ENGINE_ARENA_USED_BYTES = "verbatim_engine_arena_used_bytes";
    /// Gauge: what ONNX Runtime's pools of CPU memory have taken from the system.
    ENGINE_ARENA_RESERVED_BYTES = "verbatim_engine_arena_reserved_bytes";
    /// Gauge: 1 while an engine is ready for files.
    ENGINE_READY = "verbatim_engine_ready";
    /// Counter: engines started, the first included.
    ENGINES_STARTED_TOTAL = "verbatim_engines_started_total";
    /// Counter: engines replaced, by [`labels::REASON`].
    ENGINE_RECYCLES_TOTAL = "verbatim_engine_recycles_total";
    /// Histogram: time without an engine that takes files, at each replacement.
    ENGINE_GAP_SECONDS = "verbatim_engine_gap_seconds";
    /// Histogram: from an engine's start to when it is ready.
    MODEL_LOAD_SECONDS = "verbatim_model_load_seconds";

    // The worker's cgroup.

    /// Gauge: memory that is charged.
    CGROUP_MEMORY_CURRENT_BYTES = "verbatim_cgroup_memory_current_bytes";
    /// Gauge: memory that is charged, without pages of files that can be dropped.
    CGROUP_MEMORY_WORKING_SET_BYTES = "verbatim_cgroup_memory_working_set_bytes";
    /// Gauge: most memory that was charged.
    CGROUP_MEMORY_PEAK_BYTES = "verbatim_cgroup_memory_peak_bytes";
    /// Gauge: the limit.
    CGROUP_MEMORY_LIMIT_BYTES = "verbatim_cgroup_memory_limit_bytes";
    /// Counter: processes that the kernel killed for memory.
    CGROUP_OOM_KILLS_TOTAL = "verbatim_cgroup_oom_kills_total";

    // GPUs, by [`labels::GPU`].

    /// Gauge: memory of the GPU that is in use, by whomever.
    CUDA_MEMORY_USED_BYTES = "verbatim_cuda_memory_used_bytes";
    /// Gauge: memory of the GPU.
    CUDA_MEMORY_TOTAL_BYTES = "verbatim_cuda_memory_total_bytes";
    /// Gauge: memory of the GPU that the engine uses.
    ENGINE_CUDA_MEMORY_USED_BYTES = "verbatim_engine_cuda_memory_used_bytes";

    // Work.

    /// Counter: audio transcribed.
    AUDIO_SECONDS_TOTAL = "verbatim_audio_seconds_total";
    /// Counter: time in the model.
    INFERENCE_SECONDS_TOTAL = "verbatim_inference_seconds_total";
    /// Counter: segments that went through the model.
    SEGMENTS_TOTAL = "verbatim_segments_total";
    /// Counter: audio of the segments that went through the model.
    SEGMENT_SECONDS_TOTAL = "verbatim_segment_seconds_total";
    /// Counter: padding that went through the model.
    PADDING_SECONDS_TOTAL = "verbatim_padding_seconds_total";
    /// Counter: time that segments waited for the model.
    SEGMENT_WAIT_SECONDS_TOTAL = "verbatim_segment_wait_seconds_total";
    /// Histogram: padding's share of what went through the model between two reports of an engine, 0 to 1.
    BATCH_PADDING_RATIO = "verbatim_batch_padding_ratio";
    /// Gauge: most seconds of segments, with padding, that may be in the model at once.
    BATCH_BUDGET_SECONDS = "verbatim_batch_budget_seconds";

    // Files.

    /// Counter: files, by [`labels::OUTCOME`].
    FILES_TOTAL = "verbatim_files_total";
    /// Counter: failed files, by [`labels::REASON`].
    FILE_FAILURES_TOTAL = "verbatim_file_failures_total";
    /// Counter: files that were in flight when an engine was lost.
    FILE_SUSPECTS_TOTAL = "verbatim_file_suspects_total";
    /// Gauge: files that engines work on.
    FILES_IN_FLIGHT = "verbatim_files_in_flight";
    /// Histogram: processing seconds per audio second of each file.
    FILE_REAL_TIME_FACTOR = "verbatim_file_real_time_factor";
    /// Histogram: time that each file waited for the engine.
    FILE_QUEUE_SECONDS = "verbatim_file_queue_seconds";
    /// Gauge: bytes of recordings without an outcome here; in a job that several workers do, [`super::http::JOB`] says how far
    /// all of it is.
    REMAINING_BYTES = "verbatim_remaining_bytes";
    /// Gauge: recordings without an outcome here, as [`REMAINING_BYTES`].
    REMAINING_FILES = "verbatim_remaining_files";

    // Recordings that were fetched ahead of the engine, in a job over a store.

    /// Gauge: recordings in the spool.
    SPOOL_FILES = "verbatim_spool_files";
    /// Gauge: room that they take.
    SPOOL_BYTES = "verbatim_spool_bytes";
    /// Gauge: room that there is.
    SPOOL_LIMIT_BYTES = "verbatim_spool_limit_bytes";

    // The rest.

    /// Histogram: requests to the store, by [`labels::OPERATION`] and [`labels::CODE`].
    STORE_REQUEST_SECONDS = "verbatim_store_request_seconds";
    /// Info: always 1, by [`labels::VERSION`].
    BUILD_INFO = "verbatim_build_info";
}

/// Names that Prometheus's own clients give to a process, here the supervisor.
pub mod standard {
    names! {
        /// Every one that we give.
        ALL;
        /// Counter: user and system time.
        PROCESS_CPU_SECONDS_TOTAL = "process_cpu_seconds_total";
        /// Gauge: resident memory.
        PROCESS_RESIDENT_MEMORY_BYTES = "process_resident_memory_bytes";
        /// Gauge: open file descriptors.
        PROCESS_OPEN_FDS = "process_open_fds";
        /// Gauge: when the process started, in seconds since 1970.
        PROCESS_START_TIME_SECONDS = "process_start_time_seconds";
    }
}

/// Names of the operator's metrics.
pub mod operator {
    names! {
        /// Every one.
        ALL;

        /// Counter: reconciles.
        RECONCILES_TOTAL = "verbatim_operator_reconciles_total";
        /// Counter: reconciles that failed, by [`super::labels::STEP`].
        RECONCILE_ERRORS_TOTAL = "verbatim_operator_reconcile_errors_total";
        /// Histogram: time of a reconcile, by [`super::labels::PART`].
        RECONCILE_SECONDS = "verbatim_operator_reconcile_seconds";
        /// Counter: questions to workers, by [`super::labels::RESULT`].
        SCRAPES_TOTAL = "verbatim_operator_scrapes_total";
        /// Gauge: 1 while this replica leads.
        LEADER = "verbatim_operator_leader";
        /// Gauge: jobs by [`super::labels::PHASE`].
        JOBS = "verbatim_jobs";
        /// Gauge: recordings of a job, by [`super::labels::OUTCOME`].
        JOB_FILES = "verbatim_job_files";
        /// Gauge: recordings of a job without an outcome.
        JOB_REMAINING_FILES = "verbatim_job_remaining_files";
        /// Gauge: audio of a job that was transcribed, in seconds.
        JOB_AUDIO_SECONDS = "verbatim_job_audio_seconds";
        /// Gauge: audio of a job still to do, in seconds, estimated.
        JOB_REMAINING_AUDIO_SECONDS = "verbatim_job_remaining_audio_seconds";
        /// Gauge: worker seconds per audio second.
        JOB_REAL_TIME_FACTOR = "verbatim_job_real_time_factor";
        /// Gauge: audio seconds a second, all workers together.
        JOB_SPEED_UP_RATIO = "verbatim_job_speed_up_ratio";
        /// Gauge: workers that are wanted.
        JOB_WORKERS_DESIRED = "verbatim_job_workers_desired";
        /// Gauge: workers that are ready.
        JOB_WORKERS_READY = "verbatim_job_workers_ready";
        /// Gauge: when the job will be done, in seconds since 1970.
        JOB_ESTIMATED_COMPLETION_TIMESTAMP_SECONDS = "verbatim_job_estimated_completion_timestamp_seconds";
        /// Gauge: when the job fails if it is not done, in seconds since 1970.
        JOB_DEADLINE_TIMESTAMP_SECONDS = "verbatim_job_deadline_timestamp_seconds";
        /// Gauge: engines of a job that were replaced, by [`super::labels::REASON`].
        JOB_RECYCLES = "verbatim_job_recycles";
        /// Gauge: workers of a job that the operator replaced.
        JOB_RESTARTS = "verbatim_job_restarts";
        /// Gauge: 1 while a condition of a job is True, by [`super::labels::CONDITION`] and [`super::labels::REASON`].
        JOB_CONDITION = "verbatim_job_condition";
    }
}

/// Names of labels. Values are from closed lists, or small numbers, and never from files.
pub mod labels {
    names! {
        /// Every one.
        ALL;

        /// What became of a file: one of [`super::values`]'s outcomes.
        OUTCOME = "outcome";
        /// Why, from a closed list.
        REASON = "reason";
        /// What was asked of the store.
        OPERATION = "operation";
        /// What the store answered.
        CODE = "code";
        /// Which process of the worker.
        PROCESS = "process";
        /// Number of the GPU.
        GPU = "gpu";
        /// Which end of an interval.
        BOUND = "bound";
        /// Which of two limits: `soft` or `hard`.
        LIMIT = "limit";
        /// Which step of a reconcile.
        STEP = "step";
        /// Which part of a reconcile's time: `all`, or `own`, without the API server's and the workers'.
        PART = "part";
        /// Whether an answer came: `ok` or `error`.
        RESULT = "result";
        /// A job's phase.
        PHASE = "phase";
        /// A condition's type.
        CONDITION = "condition";
        /// A job's namespace. `exported_` would be put before it where Prometheus adds one of its own.
        NAMESPACE = "job_namespace";
        /// A job's name.
        JOB = "job_name";
        /// Version of the binary.
        VERSION = "version";
    }
}

/// Values of labels.
pub mod values {
    names! {
        /// Every one.
        ALL;

        /// [`super::labels::PROCESS`]: all engines of the worker.
        ENGINE = "engine";
        /// [`super::labels::PROCESS`]: the supervisor.
        SUPERVISOR = "supervisor";
        /// [`super::labels::OUTCOME`]: its transcript was made.
        SUCCEEDED = "succeeded";
        /// [`super::labels::OUTCOME`]: it has none, and will have none.
        FAILED = "failed";
        /// [`super::labels::OUTCOME`]: its transcript was there already.
        SKIPPED = "skipped";
        /// [`super::labels::BOUND`]: the lower end.
        LOWER = "lower";
        /// [`super::labels::BOUND`]: the upper end.
        UPPER = "upper";
        /// [`super::labels::LIMIT`]: an engine is replaced in order.
        SOFT = "soft";
        /// [`super::labels::LIMIT`]: an engine is killed.
        HARD = "hard";
        /// [`super::labels::STEP`]: the API server was asked what there is.
        STEP_OBSERVE = "observe";
        /// [`super::labels::STEP`]: the API server was asked to write.
        STEP_APPLY = "apply";
        /// [`super::labels::STEP`]: another replica leads, so nothing was written.
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
