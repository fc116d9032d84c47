//! Name, help and values of each metric. Names come from the contract, values from the state.

use std::fmt::{self, Result};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelValue, EncodeMetric,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use verbatim_crds::contract::RecycleReason;
use verbatim_crds::contract::metrics::{self as name, labels, standard, values};

use crate::measure::{self, Process, Snapshot};
use crate::metrics::state::MetricsState;
use crate::stats::Slope;
use verbatim_protocol::failure::FailureReason;

/// Collector that encodes the state at each scrape.
#[derive(Debug)]
pub(super) struct Exposition(pub(super) Arc<Mutex<MetricsState>>);

impl Collector for Exposition {
    fn encode(&self, encoder: DescriptorEncoder) -> Result {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = Page(encoder);
        if let Some(snapshot) = &state.snapshot {
            processes(&mut page, &state, snapshot)?;
            memory(&mut page, snapshot)?;
        }
        engine(&mut page, &state)?;
        work(&mut page, &state)?;
        files(&mut page, &state)?;
        page.info(name::BUILD_INFO, "Version of the binary.", labels::VERSION, env!("CARGO_PKG_VERSION"))
    }
}

fn processes(page: &mut Page<'_>, state: &MetricsState, snapshot: &Snapshot) -> Result {
    let mut one = |name, help, of: fn(&Process) -> Option<u64>| {
        // Without the value of one engine there is no sum: it would be too small.
        let engines: Option<Vec<u64>> = snapshot.engines.iter().map(|(_, process)| of(process)).collect();
        let engines = engines.filter(|values| !values.is_empty()).map(|values| values.iter().sum::<u64>());
        let supervisor = of(&snapshot.supervisor).map(|value| (values::SUPERVISOR, value));
        let values: Vec<_> =
            engines.map(|value| (values::ENGINE, value)).into_iter().chain(supervisor).collect();
        page.gauges(name, help, labels::PROCESS, &values)
    };
    let name = name::PROCESS_RESIDENT_MEMORY_BYTES;
    one(name, "Resident memory, summed over engines.", |process| Some(process.resident))?;
    let name = name::PROCESS_PEAK_RESIDENT_MEMORY_BYTES;
    one(name, "Peak resident memory since the process started.", |process| Some(process.peak_resident))?;
    let name = name::PROCESS_PROPORTIONAL_MEMORY_BYTES;
    one(
        name,
        "Proportional set size: each shared page divided by the number of processes that share it.",
        |process| process.proportional,
    )?;
    let name = name::PROCESS_ANONYMOUS_MEMORY_BYTES;
    one(name, "Anonymous resident memory.", |process| Some(process.anonymous))?;
    one(name::PROCESS_SWAPPED_MEMORY_BYTES, "Swapped-out memory.", |process| Some(process.swapped))?;
    one(name::PROCESS_THREADS, "Number of threads.", |process| Some(process.threads))?;
    let open = |process: &Process| (process.open_files > 0).then_some(process.open_files);
    one(name::PROCESS_OPEN_FILES, "Number of open file descriptors.", open)?;

    let supervisor = &snapshot.supervisor;
    let cpu = [(values::ENGINE, state.engine_cpu_seconds), (values::SUPERVISOR, supervisor.cpu_seconds)];
    let help = "User and system time, including engines that have exited.";
    page.counters(name::PROCESS_CPU_SECONDS_TOTAL, help, labels::PROCESS, &cpu)?;

    let help = "User and system time of the supervisor.";
    page.counter(standard::PROCESS_CPU_SECONDS_TOTAL, help, supervisor.cpu_seconds)?;
    let help = "Resident memory of the supervisor.";
    page.gauge(standard::PROCESS_RESIDENT_MEMORY_BYTES, help, Some(supervisor.resident))?;
    let help = "Number of open file descriptors of the supervisor.";
    page.gauge(standard::PROCESS_OPEN_FDS, help, open(supervisor))?;
    let help = "Start time of the supervisor, in seconds since 1970.";
    page.gauge(standard::PROCESS_START_TIME_SECONDS, help, measure::start_time())
}

fn memory(page: &mut Page<'_>, snapshot: &Snapshot) -> Result {
    if let Some(cgroup) = &snapshot.cgroup {
        let help = "Memory charged to the cgroup.";
        page.gauge(name::CGROUP_MEMORY_CURRENT_BYTES, help, Some(cgroup.current))?;
        let help = "Working set of the cgroup: charged memory without reclaimable file pages.";
        page.gauge(name::CGROUP_MEMORY_WORKING_SET_BYTES, help, Some(cgroup.working_set))?;
        let help = "Peak memory charged to the cgroup.";
        page.gauge(name::CGROUP_MEMORY_PEAK_BYTES, help, cgroup.peak)?;
        page.gauge(
            name::CGROUP_MEMORY_LIMIT_BYTES,
            "Memory limit of the cgroup, the least of all levels.",
            cgroup.limit,
        )?;
        let help = "OOM kills in the cgroup.";
        page.counter(name::CGROUP_OOM_KILLS_TOTAL, help, cgroup.oom_kills)?;
    }
    let mut gpus = |name, help, of: fn(&measure::Gpu) -> Option<u64>| {
        let values: Vec<_> = snapshot.gpus.iter().filter_map(|gpu| Some((gpu.index, of(gpu)?))).collect();
        page.gauges(name, help, labels::GPU, &values)
    };
    gpus(name::CUDA_MEMORY_USED_BYTES, "GPU memory in use by all processes.", |gpu| Some(gpu.used))?;
    gpus(name::CUDA_MEMORY_TOTAL_BYTES, "Total GPU memory.", |gpu| Some(gpu.total))?;
    gpus(name::ENGINE_CUDA_MEMORY_USED_BYTES, "GPU memory in use by engines.", |gpu| gpu.engines)
}

fn engine(page: &mut Page<'_>, state: &MetricsState) -> Result {
    let engines = state.snapshot.iter().flat_map(|snapshot| &snapshot.engines);
    let resident = engines.map(|(_, process)| process.resident).reduce(|sum, bytes| sum + bytes);
    page.gauge(name::ENGINE_RESIDENT_MEMORY_BYTES, "Resident memory of the engine.", resident)?;
    let growth = state.growth.map(|growth| growth.per_hour);
    let (estimate, bound) =
        (name::ENGINE_MEMORY_GROWTH_BYTES_PER_HOUR, name::ENGINE_MEMORY_GROWTH_BOUND_BYTES_PER_HOUR);
    page.slope(estimate, bound, "Growth of the engine's resident memory per hour", growth)?;
    let growth = state.growth.and_then(|growth| growth.per_audio_hour);
    let (estimate, bound) = (
        name::ENGINE_MEMORY_GROWTH_BYTES_PER_AUDIO_HOUR,
        name::ENGINE_MEMORY_GROWTH_BOUND_BYTES_PER_AUDIO_HOUR,
    );
    page.slope(estimate, bound, "Growth of the engine's resident memory per hour of audio", growth)?;
    let limits = [(values::SOFT, state.limits.soft), (values::HARD, state.limits.hard)];
    let limits: Vec<_> = limits.into_iter().filter_map(|(which, bytes)| Some((which, bytes?))).collect();
    let help = "Resident memory at which the engine is drained (soft) or killed (hard).";
    page.gauges(name::ENGINE_MEMORY_LIMIT_BYTES, help, labels::LIMIT, &limits)?;
    let arena = state.arena();
    let help = "Memory that tensors use in ONNX Runtime's CPU arenas.";
    page.gauge(name::ENGINE_ARENA_USED_BYTES, help, arena.map(|arena| arena.in_use))?;
    let help = "Memory that ONNX Runtime's CPU arenas have reserved.";
    page.gauge(name::ENGINE_ARENA_RESERVED_BYTES, help, arena.map(|arena| arena.reserved))?;
    page.gauge(name::ENGINE_READY, "1 while an engine takes files, else 0.", Some(u64::from(state.ready())))?;
    page.counter(
        name::ENGINES_STARTED_TOTAL,
        "Engines started, including the first one.",
        state.engines_started,
    )?;
    let recycles = RecycleReason::ALL
        .map(|reason| (reason.as_str(), state.recycles.get(&reason).copied().unwrap_or_default()));
    page.counters(name::ENGINE_RECYCLES_TOTAL, "Engines replaced.", labels::REASON, &recycles)?;
    let histograms = &state.histograms;
    page.histogram(name::ENGINE_GAP_SECONDS, "Time without an engine at each replacement.", &histograms.gap)?;
    page.histogram(
        name::MODEL_LOAD_SECONDS,
        "Time from the start of an engine until it is ready.",
        &histograms.load,
    )
}

fn work(page: &mut Page<'_>, state: &MetricsState) -> Result {
    let work = &state.work;
    page.counter(name::AUDIO_SECONDS_TOTAL, "Audio transcribed.", state.audio_seconds)?;
    let help = "Time in the model, summed over inference workers.";
    page.counter(name::INFERENCE_SECONDS_TOTAL, help, work.inference_seconds)?;
    page.counter(name::SEGMENTS_TOTAL, "Segments processed by the model.", work.segments)?;
    let help = "Audio of the segments processed by the model.";
    page.counter(name::SEGMENT_SECONDS_TOTAL, help, work.segment_seconds)?;
    page.counter(name::PADDING_SECONDS_TOTAL, "Padding processed by the model.", work.padding_seconds)?;
    let help = "Time that segments waited for the model, summed over segments.";
    page.counter(name::SEGMENT_WAIT_SECONDS_TOTAL, help, work.waited_seconds)?;
    let help = "Ratio of padding in the model's input between two reports of an engine.";
    page.histogram(name::BATCH_PADDING_RATIO, help, &state.histograms.padding_ratio)?;
    let help = "Most seconds of segments, with padding, in the model at once.";
    page.gauge(name::BATCH_BUDGET_SECONDS, help, state.budget)
}

fn files(page: &mut Page<'_>, state: &MetricsState) -> Result {
    let outcomes = [
        (values::SUCCEEDED, state.succeeded),
        (values::FAILED, state.failures.values().sum()),
        (values::SKIPPED, state.skipped),
    ];
    page.counters(name::FILES_TOTAL, "Files with an outcome.", labels::OUTCOME, &outcomes)?;
    let failures: Vec<_> = FailureReason::ALL
        .into_iter()
        .map(|reason| (reason.as_str(), state.failures.get(&reason).copied().unwrap_or_default()))
        .collect();
    page.counters(name::FILE_FAILURES_TOTAL, "Failed files.", labels::REASON, &failures)?;
    let help = "Files that were in flight when an engine was lost.";
    page.counter(name::FILE_SUSPECTS_TOTAL, help, state.suspects)?;
    page.gauge(name::FILES_IN_FLIGHT, "Files that engines have begun.", Some(state.files_in_flight()))?;
    let help = "Real time factor of each file: processing seconds per second of audio.";
    page.histogram(name::FILE_REAL_TIME_FACTOR, help, &state.histograms.real_time_factor)?;
    page.histogram(
        name::FILE_QUEUE_SECONDS,
        "Time that each file waited for the engine.",
        &state.histograms.queue,
    )?;
    let spool = state.spool;
    let help = "Recordings fetched ahead of the engine.";
    page.gauge(name::SPOOL_FILES, help, spool.map(|spool| spool.files))?;
    let help = "Size of the recordings in the spool.";
    page.gauge(name::SPOOL_BYTES, help, spool.map(|spool| spool.bytes))?;
    let help = "Capacity of the spool.";
    page.gauge(name::SPOOL_LIMIT_BYTES, help, spool.map(|spool| spool.limit_bytes))?;
    let remaining = state.progress.map(|progress| progress.remaining_bytes);
    let help = "Bytes of recordings without an outcome in this worker. Other workers of the job may have \
                processed them: /job shows the progress of the whole job.";
    page.gauge(name::REMAINING_BYTES, help, remaining)?;
    let remaining = state.progress.map(|progress| progress.remaining_files());
    let help = "Recordings without an outcome in this worker. Other workers of the job may have processed \
                them: /job shows the progress of the whole job.";
    page.gauge(name::REMAINING_FILES, help, remaining)
}

/// Encoder that omits metrics without values.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn gauge<V: EncodeGaugeValue + fmt::Debug>(
        &mut self,
        name: &str,
        help: &str,
        value: Option<V>,
    ) -> Result {
        let Some(value) = value else { return Ok(()) };
        let gauge = ConstGauge::new(value);
        gauge.encode(self.0.encode_descriptor(name, help, None, MetricType::Gauge)?)
    }

    fn gauges<L, V>(&mut self, name: &str, help: &str, label: &str, values: &[(L, V)]) -> Result
    where
        L: EncodeLabelValue + Copy,
        V: EncodeGaugeValue + Copy,
    {
        if values.is_empty() {
            return Ok(());
        }
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        values
            .iter()
            .try_for_each(|&(of, value)| ConstGauge::new(value).encode(family.encode_family(&[(label, of)])?))
    }

    /// The encoder takes the name of a counter without its suffix, and adds it.
    fn counter<V: EncodeCounterValue>(&mut self, name: &str, help: &str, value: V) -> Result {
        let name = name.strip_suffix("_total").unwrap_or(name);
        ConstCounter::new(value).encode(self.0.encode_descriptor(name, help, None, MetricType::Counter)?)
    }

    fn counters<V>(&mut self, name: &str, help: &str, label: &str, values: &[(&str, V)]) -> Result
    where
        V: EncodeCounterValue + Copy,
    {
        let name = name.strip_suffix("_total").unwrap_or(name);
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        values.iter().try_for_each(|&(of, value)| {
            ConstCounter::new(value).encode(family.encode_family(&[(label, of)])?)
        })
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) -> Result {
        histogram.encode(self.0.encode_descriptor(name, help, None, MetricType::Histogram)?)
    }

    fn info(&mut self, name: &str, help: &str, label: &str, value: &str) -> Result {
        let name = name.strip_suffix("_info").unwrap_or(name);
        self.0.encode_descriptor(name, help, None, MetricType::Info)?.encode_info(&[(label, value)])
    }

    /// An estimate, and its interval under a separate name: with one name, sums over it would make no sense.
    fn slope(&mut self, estimate: &str, bound: &str, help: &str, slope: Option<Slope>) -> Result {
        let Some(slope) = slope else { return Ok(()) };
        self.gauge(estimate, &format!("{help}: estimate."), Some(slope.estimate))?;
        let bounds = [(values::LOWER, slope.low), (values::UPPER, slope.high)];
        self.gauges(bound, &format!("{help}: 95 % confidence interval."), labels::BOUND, &bounds)
    }
}
