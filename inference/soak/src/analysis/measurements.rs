//! All that the analysis needs from the recorded lines, small enough for a soak of days. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::downsample::{Decimated, Sample, TimeBuckets};
use crate::analysis::engine_history::EngineHistory;
use crate::analysis::tasks::TaskTally;
use crate::record::{ResourceLine, ResultLine, RunMetadata};
use verbatim_supervisor::stats::quantiles;

/// Recordings shorter than this are short, as in the original report.
pub(crate) const SHORT_SECONDS: f64 = 60.0;
/// Points of a memory series: as many as the slope uses.
const SERIES_POINTS: usize = 600;
/// Points of all memory series, 12 bytes each.
const MAX_POINTS: usize = 200_000;
/// Number of memory series, which leaves 8 points each.
const MAX_SERIES: usize = MAX_POINTS / 8;
/// Windows of time in the plot of real-time factors, each with a median.
const WINDOWS: usize = 80;
/// Values from which the median of a window is computed.
const WINDOW_VALUES: usize = 256;
/// Distinct results kept per recording: more than one is an error, and the exact number beyond ten is
/// irrelevant.
const MAX_RESULTS: usize = 10;

/// Memory of an engine after a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemoryPoint {
    /// Files that the engine had completed before, at this concurrency.
    pub(crate) files: f32,
    /// Hours since the start of the soak.
    pub(crate) hours: f32,
    /// Resident memory after the file, in units of 10^6 bytes.
    pub(crate) rss_mb: f32,
}

/// Memory of one engine at one concurrency: more files in flight take more memory, which is not growth.
#[derive(Clone, Debug)]
pub(crate) struct MemorySeries {
    files_before: u64,
    /// Files completed.
    pub(crate) files: u64,
    pub(crate) points: Decimated<MemoryPoint>,
}

/// Measurements of one recording at one concurrency.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    /// Processing time of each run, in seconds. The real-time factor is this over the duration of the audio.
    pub(crate) processing: Vec<f32>,
    /// Failed runs.
    pub(crate) failed: usize,
    /// Sums of the engine's resident memory before and after each run, and of the differences, in units of
    /// 10^6 bytes.
    pub(crate) rss_sums_mb: [f64; 3],
}

/// Measurements of one recording.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordingSamples {
    /// Size in units of 10^6 bytes.
    pub(crate) size_mb: f64,
    /// Duration of the audio; none if no run succeeded.
    pub(crate) audio_seconds: Option<f64>,
    /// Measurements by concurrency.
    pub(crate) samples: BTreeMap<usize, Samples>,
    /// Digests of the distinct results, at most [`MAX_RESULTS`].
    pub(crate) results: BTreeSet<String>,
}

/// Real-time factors over time.
#[derive(Clone, Debug)]
pub(crate) struct RtfSeries {
    window_seconds: f64,
    pub(crate) points: TimeBuckets,
    windows: Vec<Decimated<f32>>,
}

/// Peak memory, in units of 10^6 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peaks {
    /// Resident memory of one engine.
    pub(crate) engine_mb: f64,
    /// Resident memory of the supervisor.
    pub(crate) supervisor_mb: f64,
    /// Memory charged to the cgroup.
    pub(crate) cgroup_mb: Option<f64>,
    /// GPU memory of the engines.
    pub(crate) cuda_mb: Option<f64>,
}

/// All measurements of a soak.
#[derive(Clone, Debug)]
pub(crate) struct Measurements {
    pub(crate) run: RunMetadata,
    pub(crate) tasks: TaskTally,
    pub(crate) engines: EngineHistory,
    /// Recordings by name.
    pub(crate) recordings: BTreeMap<String, RecordingSamples>,
    /// Memory by engine and concurrency.
    pub(crate) memory_series: BTreeMap<(u64, usize), MemorySeries>,
    /// Points of all memory series.
    points: usize,
    pub(crate) peaks: Peaks,
    /// Resident memory over time, in units of 10^6 bytes: engines, supervisor.
    pub(crate) memory: [TimeBuckets; 2],
    /// CPU usage over time, in percent of one processor: engines, supervisor.
    pub(crate) cpu: [TimeBuckets; 2],
    /// Real-time factors over time: short recordings, long recordings.
    pub(crate) rtf: [RtfSeries; 2],
}

impl Measurements {
    /// Empty measurements of a run.
    pub(crate) fn new(run: RunMetadata) -> Self {
        let buckets = || TimeBuckets::new(run.wall_seconds);
        let rtf = || RtfSeries {
            window_seconds: run.wall_seconds.max(1.0) / WINDOWS as f64,
            points: buckets(),
            windows: vec![Decimated::new(WINDOW_VALUES); WINDOWS],
        };
        Self {
            tasks: TaskTally::default(),
            engines: EngineHistory::default(),
            recordings: BTreeMap::new(),
            memory_series: BTreeMap::new(),
            points: 0,
            peaks: Peaks { supervisor_mb: run.supervisor_peak_bytes as f64 / 1e6, ..Peaks::default() },
            memory: [buckets(), buckets()],
            cpu: [buckets(), buckets()],
            rtf: [rtf(), rtf()],
            run,
        }
    }

    /// Adds a line of `results.jsonl`. A duplicate result is counted and otherwise ignored.
    pub(crate) fn add_result(&mut self, line: ResultLine) {
        let succeeded = line.status == "success";
        let error = line.error.as_deref().unwrap_or("unknown");
        let reason = error.split(':').next().unwrap_or(error);
        if !self.tasks.add(line.task_id, (!succeeded).then_some(reason)) {
            return;
        }
        self.engines.add_reruns(&line, succeeded);
        let recording = self.recordings.entry(line.audio_file).or_default();
        recording.size_mb = line.audio_size_mb;
        let samples = recording.samples.entry(line.concurrency).or_default();
        if !succeeded {
            samples.failed += 1;
            return;
        }
        samples.processing.push(line.processing_time as f32);
        let memory = [line.worker_rss_before_mb, line.worker_rss_after_mb, line.worker_rss_delta_mb];
        samples.rss_sums_mb.iter_mut().zip(memory).for_each(|(sum, value)| *sum += value);
        recording.audio_seconds = Some(line.audio_seconds);
        if recording.results.len() < MAX_RESULTS {
            recording.results.extend(line.result_sha256);
        }

        self.peaks.engine_mb = self.peaks.engine_mb.max(line.worker_rss_after_mb);
        let long = usize::from(line.audio_seconds >= SHORT_SECONDS);
        self.rtf[long].push(line.elapsed_seconds, line.rtf);
        let point = MemoryPoint {
            files: 0.0,
            hours: (line.elapsed_seconds / 3600.0) as f32,
            rss_mb: line.worker_rss_after_mb as f32,
        };
        self.add_memory_point(line.engine, line.concurrency, line.engine_files, point);
    }

    fn add_memory_point(&mut self, engine: u64, concurrency: usize, files_before: u64, point: MemoryPoint) {
        let known = self.memory_series.contains_key(&(engine, concurrency));
        // Beyond so many engines, the first ones are evidence enough.
        let full = !known && self.memory_series.len() == MAX_SERIES;
        if engine == 0 || point.rss_mb <= 0.0 || full {
            return;
        }
        let points = || Decimated::new(SERIES_POINTS);
        let new = || MemorySeries { files_before, files: 0, points: points() };
        let series = self.memory_series.entry((engine, concurrency)).or_insert_with(new);
        let files = files_before.saturating_sub(series.files_before);
        series.files = series.files.max(files + 1);
        let before = series.points.values().len();
        series.points.push(MemoryPoint { files: files as f32, ..point });
        self.points = self.points + series.points.values().len() - before;
        if self.points > MAX_POINTS {
            self.memory_series.values_mut().for_each(|series| series.points.halve());
            self.points = self.memory_series.values().map(|series| series.points.values().len()).sum();
        }
    }

    /// Adds a line of `resources.csv`.
    pub(crate) fn add_resources(&mut self, line: &ResourceLine) {
        let supervisor = usize::from(line.process_name == "supervisor");
        let sample = |value: f64| Sample {
            at: line.elapsed_seconds as f32,
            value: value as f32,
            engine: line.engine as u32,
        };
        self.memory[supervisor].push(sample(line.memory_rss_mb));
        self.cpu[supervisor].push(sample(line.cpu_percent));
        let Peaks { engine_mb, supervisor_mb, cgroup_mb, cuda_mb } = &mut self.peaks;
        let peak = if supervisor == 1 { supervisor_mb } else { engine_mb };
        *peak = peak.max(line.memory_rss_mb);
        // `None` compares less than any value, so the peak stays once there is one.
        let keep_peak = |peak: &mut Option<f64>, value| *peak = if value > *peak { value } else { *peak };
        keep_peak(cgroup_mb, line.cgroup_peak_mb.or(line.cgroup_current_mb));
        keep_peak(cuda_mb, line.cuda_engine_mb);
    }
}

impl RtfSeries {
    fn push(&mut self, at: f64, rtf: f64) {
        self.points.push(Sample { at: at as f32, value: rtf as f32, engine: 0 });
        let window = ((at / self.window_seconds) as usize).min(WINDOWS - 1);
        self.windows[window].push(rtf as f32);
    }

    /// Middle of each window in seconds, with the median of the window; windows without values are left out.
    pub(crate) fn medians(&self) -> Vec<(f64, f64)> {
        let median = |(index, window): (usize, &Decimated<f32>)| {
            let [median] = quantiles(&mut window.values().to_vec(), [0.5])?;
            Some(((index as f64 + 0.5) * self.window_seconds, median))
        };
        self.windows.iter().enumerate().filter_map(median).collect()
    }
}

/// Series of an engine with `files` files at ten files an hour, and `rss_mb` of memory after each.
#[cfg(test)]
pub(super) fn test_series(files: u64, rss_mb: impl Fn(f64) -> f64) -> MemorySeries {
    let mut points = Decimated::new(SERIES_POINTS);
    for file in 0..files {
        let (files, hours) = (file as f32, file as f32 / 10.0);
        points.push(MemoryPoint { files, hours, rss_mb: rss_mb(f64::from(files)) as f32 });
    }
    MemorySeries { files_before: 0, files, points }
}
