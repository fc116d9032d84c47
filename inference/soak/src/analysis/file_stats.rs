//! Statistics of the original report: per length of audio and concurrency, and per recording. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::measurements::{Measurements, RecordingSamples, SHORT_SECONDS, Samples};
use verbatim_supervisor::stats::{mean, quantiles};

/// Class of recordings by duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AudioLength {
    /// Below [`SHORT_SECONDS`].
    Short,
    /// At least [`SHORT_SECONDS`].
    Long,
    /// Any duration, recordings that always failed included.
    All,
}

impl AudioLength {
    /// All classes, in the order of the report.
    pub(crate) const ALL: [Self; 3] = [Self::Short, Self::Long, Self::All];

    fn contains(self, recording: &RecordingSamples) -> bool {
        match self {
            Self::Short => recording.audio_seconds.is_some_and(|seconds| seconds < SHORT_SECONDS),
            Self::Long => recording.audio_seconds.is_some_and(|seconds| seconds >= SHORT_SECONDS),
            Self::All => true,
        }
    }
}

/// Statistics of the recordings of one length at one concurrency.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GroupStats {
    pub(crate) length: AudioLength,
    pub(crate) concurrency: usize,
    pub(crate) files: FileStats,
    /// Files transcribed per minute of this concurrency's time.
    pub(crate) files_per_minute: Option<f64>,
    /// Hours of audio transcribed per hour of this concurrency's time.
    pub(crate) audio_per_hour: Option<f64>,
}

/// Statistics of one recording at all concurrencies.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RecordingStats {
    pub(crate) name: String,
    /// Size in units of 10^6 bytes.
    pub(crate) size_mb: f64,
    /// Duration of the audio; none if all runs failed.
    pub(crate) audio_seconds: Option<f64>,
    pub(crate) files: FileStats,
    /// Number of distinct results.
    pub(crate) results: usize,
}

/// Counts and measurements of some files.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FileStats {
    /// Files, failed ones included.
    pub(crate) count: usize,
    pub(crate) failed: usize,
    /// Measurements; none if all failed.
    pub(crate) measured: Option<TimeAndMemory>,
}

/// Processing time and memory of some files.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TimeAndMemory {
    /// Mean processing time.
    pub(crate) mean_seconds: f64,
    /// Median processing time.
    pub(crate) median_seconds: f64,
    /// Total processing time over total duration of audio.
    pub(crate) rtf: f64,
    /// Mean resident memory of the engine before and after a file, and of the difference, in units of 10^6
    /// bytes.
    pub(crate) rss_mb: [f64; 3],
}

/// One entry per length and concurrency that occurred.
pub(crate) fn groups(measurements: &Measurements) -> Vec<GroupStats> {
    let recordings = || measurements.recordings.values();
    let concurrencies: BTreeSet<usize> =
        recordings().flat_map(|recording| recording.samples.keys()).copied().collect();
    let wall_seconds = measurements.run.wall_seconds;
    let mut seconds = measurements.engines.phase_seconds(wall_seconds);
    if let (1, Some(only), true) = (concurrencies.len(), concurrencies.first(), seconds.is_empty()) {
        seconds = BTreeMap::from([(*only, wall_seconds)]);
    }
    let mut groups = Vec::new();
    for length in AudioLength::ALL {
        for &concurrency in &concurrencies {
            let members = recordings().filter(|recording| length.contains(recording));
            let samples =
                members.filter_map(|recording| Some((recording, recording.samples.get(&concurrency)?)));
            let sums = Sums::of(samples);
            let (done, audio_seconds) = (sums.processing.len() as f64, sums.audio_seconds);
            let files = sums.stats();
            if files.count > 0 {
                let seconds = seconds.get(&concurrency).copied().filter(|seconds| *seconds > 0.0);
                groups.push(GroupStats {
                    length,
                    concurrency,
                    files,
                    files_per_minute: seconds.map(|seconds| done / seconds * 60.0),
                    audio_per_hour: seconds.map(|seconds| audio_seconds / seconds),
                });
            }
        }
    }
    groups
}

/// One entry per recording, by name.
pub(crate) fn recordings(measurements: &Measurements) -> Vec<RecordingStats> {
    let stats = |(name, recording): (&String, &RecordingSamples)| RecordingStats {
        name: name.clone(),
        size_mb: recording.size_mb,
        audio_seconds: recording.audio_seconds,
        files: Sums::of(recording.samples.values().map(|samples| (recording, samples))).stats(),
        results: recording.results.len(),
    };
    measurements.recordings.iter().map(stats).collect()
}

#[derive(Default)]
struct Sums {
    failed: usize,
    processing: Vec<f32>,
    audio_seconds: f64,
    rss_mb: [f64; 3],
}

impl Sums {
    fn of<'a>(samples: impl Iterator<Item = (&'a RecordingSamples, &'a Samples)>) -> Self {
        let mut sums = Self::default();
        for (recording, samples) in samples {
            let files = samples.processing.len() as f64;
            sums.failed += samples.failed;
            sums.processing.extend(&samples.processing);
            sums.audio_seconds += recording.audio_seconds.unwrap_or_default() * files;
            sums.rss_mb.iter_mut().zip(samples.rss_sums_mb).for_each(|(sum, value)| *sum += value);
        }
        sums
    }

    fn stats(self) -> FileStats {
        let (count, failed) = (self.failed + self.processing.len(), self.failed);
        FileStats { count, failed, measured: self.measured() }
    }

    fn measured(mut self) -> Option<TimeAndMemory> {
        let mean_seconds = mean(&self.processing)?;
        let files = self.processing.len() as f64;
        let [median_seconds] = quantiles(&mut self.processing, [0.5])?;
        let rtf = if self.audio_seconds > 0.0 { mean_seconds * files / self.audio_seconds } else { 0.0 };
        Some(TimeAndMemory { mean_seconds, median_seconds, rtf, rss_mb: self.rss_mb.map(|sum| sum / files) })
    }
}
