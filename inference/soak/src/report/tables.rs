//! The tables of the original report: it takes what was measured of each recording and gives one row for each length and
//! concurrency, and one for each recording. Pure.

use std::collections::BTreeMap;

use crate::report::findings::{Findings, Recording, SHORT_SECONDS, Samples};
use verbatim_supervisor::stats::{mean, quantiles};

/// Which recordings a table is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Length {
    /// Below [`SHORT_SECONDS`].
    Short,
    /// From [`SHORT_SECONDS`] on.
    Long,
    /// All of them, those that never worked too.
    All,
}

impl Length {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 3] = [Self::Short, Self::Long, Self::All];

    fn has(self, recording: &Recording) -> bool {
        match self {
            Self::Short => recording.audio_seconds.is_some_and(|audio| audio < SHORT_SECONDS),
            Self::Long => recording.audio_seconds.is_some_and(|audio| audio >= SHORT_SECONDS),
            Self::All => true,
        }
    }
}

/// Recordings of one length at one concurrency.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Which recordings.
    pub length: Length,
    /// Files in flight together, at most.
    pub concurrency: usize,
    /// Tasks, failed ones too.
    pub files: usize,
    /// Failed ones.
    pub failed: usize,
    /// What was measured; none where all failed.
    pub measured: Option<Measured>,
    /// Files that were transcribed in a minute of this concurrency's time.
    pub files_per_minute: Option<f64>,
    /// Hours of audio that were transcribed in an hour of this concurrency's time.
    pub audio_per_hour: Option<f64>,
}

/// Time and memory of files.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Seconds that a file took: mean.
    pub mean_seconds: f64,
    /// Seconds that a file took: median.
    pub median_seconds: f64,
    /// Seconds of all files over their seconds of audio.
    pub rtf: f64,
    /// Resident memory of the engine before a file, after it, and the difference: means, in units of 10^6 bytes.
    pub rss_mb: [f64; 3],
}

/// One recording, at all concurrencies.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordingRow {
    /// Its name.
    pub name: String,
    /// Its size, in units of 10^6 bytes.
    pub size_mb: f64,
    /// Its audio; none where it never worked.
    pub audio_seconds: Option<f64>,
    /// Tasks, failed ones too.
    pub files: usize,
    /// Failed ones.
    pub failed: usize,
    /// What was measured; none where all failed.
    pub measured: Option<Measured>,
    /// Different results that it had.
    pub results: usize,
}

/// One row for each length and each concurrency that was run.
pub fn groups(findings: &Findings) -> Vec<Group> {
    let concurrencies: Vec<usize> = {
        let all = findings.recordings.values().flat_map(|recording| recording.samples.keys());
        all.copied().collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    };
    let wall_seconds = findings.run.wall_seconds;
    let mut seconds = findings.engines.phase_seconds(wall_seconds);
    if let ([only], true) = (&concurrencies[..], seconds.is_empty()) {
        seconds = BTreeMap::from([(*only, wall_seconds)]);
    }
    let mut groups = Vec::new();
    for length in Length::ALL {
        for concurrency in &concurrencies {
            let members = findings.recordings.values().filter(|recording| length.has(recording));
            let members =
                members.filter_map(|recording| Some((recording, recording.samples.get(concurrency)?)));
            let sums = Sums::of(members);
            if sums.files() > 0 {
                let seconds = seconds.get(concurrency).copied().filter(|seconds| *seconds > 0.0);
                groups.push(sums.group(length, *concurrency, seconds));
            }
        }
    }
    groups
}

/// One row for each recording, by name.
pub fn recordings(findings: &Findings) -> Vec<RecordingRow> {
    let row = |(name, recording): (&String, &Recording)| {
        let sums = Sums::of(recording.samples.values().map(|samples| (recording, samples)));
        RecordingRow {
            name: name.clone(),
            size_mb: recording.size_mb,
            audio_seconds: recording.audio_seconds,
            files: sums.files(),
            failed: sums.failed,
            measured: sums.measured(),
            results: recording.results.len(),
        }
    };
    findings.recordings.iter().map(row).collect()
}

#[derive(Default)]
struct Sums {
    failed: usize,
    processing: Vec<f32>,
    audio_seconds: f64,
    rss_mb: [f64; 3],
}

impl Sums {
    fn of<'a>(members: impl Iterator<Item = (&'a Recording, &'a Samples)>) -> Self {
        let mut sums = Self::default();
        for (recording, samples) in members {
            let files = samples.processing.len() as f64;
            sums.failed += samples.failed;
            sums.processing.extend(&samples.processing);
            sums.audio_seconds += recording.audio_seconds.unwrap_or_default() * files;
            sums.rss_mb.iter_mut().zip(samples.rss_sums_mb).for_each(|(sum, of_samples)| *sum += of_samples);
        }
        sums
    }

    fn files(&self) -> usize {
        self.failed + self.processing.len()
    }

    fn measured(mut self) -> Option<Measured> {
        let mean_seconds = mean(&self.processing)?;
        let files = self.processing.len() as f64;
        let [median_seconds] = quantiles(&mut self.processing, [0.5])?;
        let rtf = if self.audio_seconds > 0.0 { mean_seconds * files / self.audio_seconds } else { 0.0 };
        Some(Measured { mean_seconds, median_seconds, rtf, rss_mb: self.rss_mb.map(|sum| sum / files) })
    }

    fn group(self, length: Length, concurrency: usize, seconds: Option<f64>) -> Group {
        let done = self.processing.len() as f64;
        Group {
            length,
            concurrency,
            files: self.files(),
            failed: self.failed,
            files_per_minute: seconds.map(|seconds| done / seconds * 60.0),
            audio_per_hour: seconds.map(|seconds| self.audio_seconds / seconds),
            measured: self.measured(),
        }
    }
}
