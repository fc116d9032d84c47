//! Everything that the reports are made from, small enough for a soak of days: it takes the recorded lines one by one.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::{ResourceLine, ResultLine, RunFacts};
use crate::report::engines::EngineLog;
use crate::report::series::{Buckets, Sample, Thinned};
use crate::report::tasks::Tasks;
use verbatim_supervisor::stats::quantiles;

/// Recordings shorter than this many seconds are short: the border of the original report.
pub const SHORT_SECONDS: f64 = 60.0;
/// Points of memory that are kept of one engine at one concurrency: as many as the slope looks at.
const LIFE_POINTS: usize = 600;
/// Points of memory that are kept in all, 12 bytes each.
const ALL_POINTS: usize = 200_000;
/// Engines that points are kept of: with 8 points each when there are so many.
const MOST_LIVES: usize = ALL_POINTS / 8;
/// Stretches of time that have a median of their own in the plot of real-time factors.
const MEDIANS: usize = 80;
/// Different results of one recording that are kept: more than one is wrong, and how many more does not matter.
const MOST_RESULTS: usize = 10;
/// Values that a median is taken of.
const MEDIAN_VALUES: usize = 256;

/// Memory after one file.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Files that the engine had done before, at this concurrency.
    pub files: f32,
    /// Since the soak's beginning.
    pub hours: f32,
    /// Resident memory after the file, in units of 10^6 bytes.
    pub rss_mb: f32,
}

/// One engine at one concurrency: more files in flight take more memory, which is no growth.
#[derive(Clone, Debug)]
pub struct Life {
    first: u64,
    /// Files that it did.
    pub files: u64,
    /// Memory after them, evenly thinned.
    pub points: Thinned<Point>,
}

/// What was measured of one recording at one concurrency.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// Seconds that it took, each time. The real-time factor is this over the recording's audio.
    pub processing: Vec<f32>,
    /// Times that it failed.
    pub failed: usize,
    /// Sum of the engine's resident memory before, after, and of the differences; in units of 10^6 bytes.
    pub rss_sums_mb: [f64; 3],
}

/// One recording.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Its size, in units of 10^6 bytes.
    pub size_mb: f64,
    /// Its audio; none where it never worked.
    pub audio_seconds: Option<f64>,
    /// Measured, by concurrency.
    pub samples: BTreeMap<usize, Samples>,
    /// The different results that it had, ten at most.
    pub results: BTreeSet<String>,
}

/// Real-time factors over time.
#[derive(Clone, Debug)]
pub struct Speed {
    width: f64,
    /// Each file's, thinned.
    pub points: Buckets,
    windows: Vec<Thinned<f32>>,
}

/// Most memory, in units of 10^6 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peaks {
    /// Of one engine, resident.
    pub engine_mb: f64,
    /// Of the supervisor, resident.
    pub supervisor_mb: f64,
    /// Of the cgroup.
    pub cgroup_mb: Option<f64>,
    /// Of the engines on GPUs.
    pub cuda_mb: Option<f64>,
}

/// Everything that the reports are made from.
#[derive(Clone, Debug)]
pub struct Findings {
    /// What was run.
    pub run: RunFacts,
    /// Which tasks have results.
    pub tasks: Tasks,
    /// What happened to engines.
    pub engines: EngineLog,
    /// Recordings by name.
    pub recordings: BTreeMap<String, Recording>,
    /// Memory by engine and concurrency.
    pub lives: BTreeMap<(u64, usize), Life>,
    points: usize,
    /// Most memory.
    pub peaks: Peaks,
    /// Resident memory over time: of engines, and of the supervisor.
    pub memory: [Buckets; 2],
    /// Processor time over time: of engines, and of the supervisor.
    pub cpu: [Buckets; 2],
    /// Real-time factors over time: of short recordings, and of long ones.
    pub speed: [Speed; 2],
}

impl Findings {
    /// Nothing yet.
    pub fn new(run: RunFacts) -> Self {
        let buckets = || Buckets::new(run.wall_seconds);
        let speed = || Speed {
            width: run.wall_seconds.max(1.0) / MEDIANS as f64,
            points: buckets(),
            windows: vec![Thinned::new(MEDIAN_VALUES); MEDIANS],
        };
        Self {
            tasks: Tasks::default(),
            engines: EngineLog::default(),
            recordings: BTreeMap::new(),
            lives: BTreeMap::new(),
            points: 0,
            peaks: Peaks { supervisor_mb: run.supervisor_peak_bytes as f64 / 1e6, ..Peaks::default() },
            memory: [buckets(), buckets()],
            cpu: [buckets(), buckets()],
            speed: [speed(), speed()],
            run,
        }
    }

    /// Takes one line of `results.jsonl`. A second result of one task is counted and has no other effect.
    pub fn result(&mut self, line: ResultLine) {
        let worked = line.status == "success";
        let reason =
            line.error.as_deref().map_or("unknown", |error| error.split(':').next().unwrap_or(error));
        if !self.tasks.result(line.task_id, (!worked).then_some(reason)) {
            return;
        }
        self.engines.ran_again(&line, worked);
        let recording = self.recordings.entry(line.audio_file).or_default();
        recording.size_mb = line.audio_size_mb;
        let samples = recording.samples.entry(line.concurrency).or_default();
        if !worked {
            samples.failed += 1;
            return;
        }
        samples.processing.push(line.processing_time as f32);
        let memory = [line.worker_rss_before_mb, line.worker_rss_after_mb, line.worker_rss_delta_mb];
        samples.rss_sums_mb.iter_mut().zip(memory).for_each(|(sum, value)| *sum += value);
        recording.audio_seconds = Some(line.audio_seconds);
        if recording.results.len() < MOST_RESULTS {
            recording.results.extend(line.result_sha256);
        }

        self.peaks.engine_mb = self.peaks.engine_mb.max(line.worker_rss_after_mb);
        let long = usize::from(line.audio_seconds >= SHORT_SECONDS);
        self.speed[long].push(line.elapsed_seconds, line.rtf);
        let point = Point {
            files: 0.0,
            hours: (line.elapsed_seconds / 3600.0) as f32,
            rss_mb: line.worker_rss_after_mb as f32,
        };
        self.life(line.engine, line.concurrency, line.engine_files, point);
    }

    fn life(&mut self, engine: u64, concurrency: usize, files_before: u64, point: Point) {
        // With more engines than that, the first ones say enough.
        let known = self.lives.contains_key(&(engine, concurrency));
        if engine == 0 || point.rss_mb <= 0.0 || (!known && self.lives.len() == MOST_LIVES) {
            return;
        }
        let life = self.lives.entry((engine, concurrency)).or_insert_with(|| Life {
            first: files_before,
            files: 0,
            points: Thinned::new(LIFE_POINTS),
        });
        let files = files_before.saturating_sub(life.first);
        life.files = life.files.max(files + 1);
        let before = life.points.values().len();
        life.points.push(Point { files: files as f32, ..point });
        self.points = self.points + life.points.values().len() - before;
        if self.points > ALL_POINTS {
            self.lives.values_mut().for_each(|life| life.points.halve());
            self.points = self.lives.values().map(|life| life.points.values().len()).sum();
        }
    }

    /// Takes one line of `resources.csv`.
    pub fn resource(&mut self, line: &ResourceLine) {
        let supervisor = usize::from(line.process_name == "supervisor");
        let sample = |value: f64| Sample {
            at: line.elapsed_seconds as f32,
            value: value as f32,
            engine: line.engine as u32,
        };
        self.memory[supervisor].push(sample(line.memory_rss_mb));
        self.cpu[supervisor].push(sample(line.cpu_percent));
        let peaks = &mut self.peaks;
        let peak = if supervisor == 1 { &mut peaks.supervisor_mb } else { &mut peaks.engine_mb };
        *peak = peak.max(line.memory_rss_mb);
        // Nothing is less than any value, so this keeps the most of what there is.
        let cgroup = line.cgroup_peak_mb.or(line.cgroup_current_mb);
        peaks.cgroup_mb = if cgroup > peaks.cgroup_mb { cgroup } else { peaks.cgroup_mb };
        let cuda = line.cuda_engine_mb;
        peaks.cuda_mb = if cuda > peaks.cuda_mb { cuda } else { peaks.cuda_mb };
    }
}

impl Speed {
    fn push(&mut self, at: f64, rtf: f64) {
        self.points.push(Sample { at: at as f32, value: rtf as f32, engine: 0 });
        let window = ((at / self.width) as usize).min(MEDIANS - 1);
        self.windows[window].push(rtf as f32);
    }

    /// The median of each stretch of time that has one, by the middle of the stretch in seconds.
    pub fn medians(&self) -> Vec<(f64, f64)> {
        let median = |(index, window): (usize, &Thinned<f32>)| {
            let [median] = quantiles(&mut window.values().to_vec(), [0.5])?;
            Some(((index as f64 + 0.5) * self.width, median))
        };
        self.windows.iter().enumerate().filter_map(median).collect()
    }
}

/// An engine that did `files` files, ten an hour, with so much memory after each.
#[cfg(test)]
pub(super) fn life_for_tests(files: u64, rss_mb: impl Fn(f64) -> f64) -> Life {
    let mut points = Thinned::new(LIFE_POINTS);
    for file in 0..files {
        let (file, hours) = (file as f32, file as f32 / 10.0);
        points.push(Point { files: file, hours, rss_mb: rss_mb(f64::from(file)) as f32 });
    }
    Life { first: 0, files, points }
}
