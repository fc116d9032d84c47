//! Wedged files: whether an engine hangs. Takes the time of the last event of each file in flight; gives the
//! file that is overdue. Per file, since one decode worker may be in an endless loop while the others go on.

use std::time::{Duration, Instant};

use crate::decide::Decision;
use verbatim_text as text;

/// Lowest rate at which a file is read and hashed, in bytes per second: a slow disk, or a network file
/// system. A file may be read for long before its first audio, as where the index of a video is at its end.
pub const MIN_READ_RATE: f64 = 20e6;

/// Batch budgets of audio that may be ahead of a file's own: one in the model, and half of one that waits,
/// sorted by length.
pub const QUEUED_BUDGETS: f64 = 1.5;

/// Factor by which an engine may get slower: other processes on the machine, the longest segments,
/// a cold start.
pub const SLACK: f64 = 4.0;

/// Assumed real time factor until the first segment, after which the actual one is known. A slower model is
/// of no use in bulk.
pub const DEFAULT_RTF: f64 = 0.1;

/// Activity of a file in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileActivity {
    /// Id of the file.
    pub id: usize,
    /// Size in bytes.
    pub bytes: u64,
    /// Time of the engine's last event about it: begun, or progress.
    pub last_event: Instant,
}

/// Speed of the engine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Real time factor of the whole engine: wall-clock seconds per second of audio; none while unknown.
    pub rtf: Option<f64>,
    /// The batch budget, in seconds of audio.
    pub budget_seconds: f64,
}

impl Pace {
    /// Longest time without an event that a file of this size can need, and `floor` at the least.
    pub fn allowed(&self, bytes: u64, floor: Duration) -> Duration {
        let rtf = self.rtf.filter(|rtf| rtf.is_finite() && *rtf >= 0.0).unwrap_or(DEFAULT_RTF);
        let queued = SLACK * rtf * QUEUED_BUDGETS * self.budget_seconds;
        let read = bytes as f64 / MIN_READ_RATE;
        // At most a day: a longer wait makes no sense, and the sum with an instant must not overflow.
        let seconds = queued.max(read).clamp(0.0, 86_400.0);
        floor.max(Duration::from_secs_f64(seconds))
    }
}

/// The file that is overdue for longest.
pub fn wedged_file(
    now: Instant,
    files: &[FileActivity],
    pace: &Pace,
    floor: Duration,
) -> Option<Decision<usize>> {
    let (file, deadline) = first(files, pace, floor)?;
    (now > deadline).then(|| {
        let silent = text::elapsed(now.saturating_duration_since(file.last_event));
        let allowed = text::elapsed(pace.allowed(file.bytes, floor));
        Decision::new(file.id, format!("no progress for {silent}; a step may take {allowed}"))
    })
}

/// All overdue files, in the order given. Where there are several, the engine hangs rather than one decode
/// worker.
pub fn overdue_files(now: Instant, files: &[FileActivity], pace: &Pace, floor: Duration) -> Vec<usize> {
    let is_overdue =
        |file: &&FileActivity| deadline(file, pace, floor).is_some_and(|deadline| now > deadline);
    files.iter().filter(is_overdue).map(|file| file.id).collect()
}

/// The file that will be overdue first without further events, and when; none without files.
fn first<'a>(files: &'a [FileActivity], pace: &Pace, floor: Duration) -> Option<(&'a FileActivity, Instant)> {
    let deadlines = files.iter().filter_map(|file| Some((file, deadline(file, pace, floor)?)));
    deadlines.min_by_key(|(_, deadline)| *deadline)
}

/// None where an instant cannot represent it.
fn deadline(file: &FileActivity, pace: &Pace, floor: Duration) -> Option<Instant> {
    file.last_event.checked_add(pace.allowed(file.bytes, floor))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: Duration = Duration::from_secs(30);

    fn pace(rtf: Option<f64>, budget_seconds: f64) -> Pace {
        Pace { rtf, budget_seconds }
    }

    #[test]
    fn the_longest_of_three_times_is_allowed() {
        for (rtf, budget, bytes, seconds) in [
            (Some(0.0), 240.0, 0, 30),
            (Some(0.01), 240.0, 0, 30),
            (Some(0.05), 240.0, 0, 72),
            (Some(0.05), 15.0, 0, 30),
            (None, 240.0, 0, 144),
            (Some(f64::NAN), 240.0, 0, 144),
            (Some(0.05), 240.0, 4_000_000_000, 200),
            (Some(0.05), 240.0, u64::MAX, 86_400),
            (Some(f64::MAX), 240.0, 0, 86_400),
        ] {
            let allowed = pace(rtf, budget).allowed(bytes, FLOOR);
            assert_eq!(allowed.as_secs_f64().round() as u64, seconds, "{rtf:?} {budget} {bytes}");
        }
    }

    /// Files with events every few seconds, until one hangs.
    #[test]
    fn only_the_hung_file_is_wedged() {
        let start = Instant::now();
        let pace = pace(Some(0.05), 240.0);
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for second in 0..1000 {
            let now = at(second);
            let files = [
                FileActivity { id: 3, bytes: 1 << 20, last_event: at(second - second % 7) },
                FileActivity { id: 5, bytes: 1 << 20, last_event: at((second - second % 11).min(99)) },
                FileActivity { id: 8, bytes: 1 << 20, last_event: at(second - second % 60) },
            ];
            let wedged = wedged_file(now, &files, &pace, FLOOR);
            assert_eq!(wedged.map(|file| file.action), (second > 99 + 72).then_some(5), "{second}");
            assert_eq!(overdue_files(now, &files, &pace, FLOOR), if second > 171 { vec![5] } else { vec![] });
        }
    }

    #[test]
    fn the_file_overdue_for_longest_is_reported_with_figures() {
        let start = Instant::now();
        let now = start + Duration::from_secs(300);
        let pace = pace(Some(0.05), 240.0);
        let files = [
            FileActivity { id: 1, bytes: 4_000_000_000, last_event: start },
            FileActivity { id: 2, bytes: 0, last_event: start + Duration::from_secs(10) },
        ];
        let decision = wedged_file(now, &files, &pace, FLOOR).unwrap();
        assert_eq!(decision.action, 2);
        assert_eq!(decision.why, "no progress for 0:04:50; a step may take 0:01:12");
        assert_eq!(overdue_files(now, &files, &pace, FLOOR), [1, 2]);
        assert_eq!(wedged_file(now, &[], &pace, FLOOR), None);
    }

    #[test]
    fn without_elapsed_time_no_file_is_wedged() {
        let now = Instant::now();
        let files = [FileActivity { id: 0, bytes: 0, last_event: now }];
        assert_eq!(wedged_file(now, &files, &pace(Some(0.0), 0.0), Duration::ZERO), None);
    }
}
