//! Whether an engine hangs on a file. Takes when each file in flight was last heard of; gives the file whose time is over.
//! Per file: one listener may be in an endless loop while the others go on.

use std::time::{Duration, Instant};

use super::Decision;
use verbatim_text as text;

/// Bytes a second at which a file is read and hashed, at the least: a slow disk, or a network's file system. A file may
/// be read for long before its first audio, as where a video's index is at its end.
pub const SLOWEST_READ: f64 = 20e6;

/// Budgets of audio that may be before a file's own: one in the model, and half of one that waits, sorted by length.
pub const QUEUE: f64 = 1.5;

/// How many times as slow as so far things may go: other processes on the machine, the longest segments, a cold start.
pub const SLACK: f64 = 4.0;

/// Processing seconds for each second of audio before anything is known: a model that is slower is no use in bulk, and
/// its own figure is known as soon as one segment is done.
pub const UNKNOWN_RTF: f64 = 0.1;

/// A file that an engine has begun, or has in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileWatch {
    /// The file.
    pub id: usize,
    /// Its size in bytes.
    pub bytes: u64,
    /// When the engine last told something of it: that it was begun, or that more of it was heard.
    pub last_event: Instant,
}

/// How fast the engine is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Wall-clock seconds for each second of audio, of the whole engine; none before that is known.
    pub rtf: Option<f64>,
    /// The batch budget, in seconds of audio.
    pub budget_seconds: f64,
}

impl Pace {
    /// The longest time without an event that a file of so many bytes can need; `floor` at the least.
    pub fn allowed(&self, bytes: u64, floor: Duration) -> Duration {
        let rtf = self.rtf.filter(|rtf| rtf.is_finite() && *rtf >= 0.0).unwrap_or(UNKNOWN_RTF);
        let queued = SLACK * rtf * QUEUE * self.budget_seconds;
        let read = bytes as f64 / SLOWEST_READ;
        // A day at most: what is longer is no time to wait for, and the sum with an instant must not overflow.
        let seconds = queued.max(read).clamp(0.0, 86_400.0);
        floor.max(Duration::from_secs_f64(seconds))
    }
}

/// The first file whose time is over, with its figures: the one whose time was over first.
pub fn wedged(now: Instant, files: &[FileWatch], pace: &Pace, floor: Duration) -> Option<Decision<usize>> {
    let (file, deadline) = first(files, pace, floor)?;
    (now > deadline).then(|| {
        let silent = text::elapsed(now.saturating_duration_since(file.last_event));
        let allowed = text::elapsed(pace.allowed(file.bytes, floor));
        Decision::new(
            file.id,
            format!("no progress for {silent} on a file that can need {allowed} for a step"),
        )
    })
}

/// All files whose time is over, in the order given. Where there are several, the engine hangs rather than one listener.
pub fn overdue(now: Instant, files: &[FileWatch], pace: &Pace, floor: Duration) -> Vec<usize> {
    let over = |file: &&FileWatch| deadline(file, pace, floor).is_some_and(|deadline| now > deadline);
    files.iter().filter(over).map(|file| file.id).collect()
}

/// When the first file's time will be over, should nothing be heard of it before; none without files.
pub fn next_deadline(files: &[FileWatch], pace: &Pace, floor: Duration) -> Option<Instant> {
    first(files, pace, floor).map(|(_, deadline)| deadline)
}

fn first<'a>(files: &'a [FileWatch], pace: &Pace, floor: Duration) -> Option<(&'a FileWatch, Instant)> {
    let deadlines = files.iter().filter_map(|file| Some((file, deadline(file, pace, floor)?)));
    deadlines.min_by_key(|(_, deadline)| *deadline)
}

/// None where it is beyond what an instant can be.
fn deadline(file: &FileWatch, pace: &Pace, floor: Duration) -> Option<Instant> {
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

    /// Files that are heard of every so many seconds, until they hang.
    #[test]
    fn the_file_that_hangs_is_named_and_no_other() {
        let start = Instant::now();
        let pace = pace(Some(0.05), 240.0);
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for second in 0..1000 {
            let now = at(second);
            let files = [
                FileWatch { id: 3, bytes: 1 << 20, last_event: at(second - second % 7) },
                FileWatch { id: 5, bytes: 1 << 20, last_event: at((second - second % 11).min(99)) },
                FileWatch { id: 8, bytes: 1 << 20, last_event: at(second - second % 60) },
            ];
            let wedged = wedged(now, &files, &pace, FLOOR);
            assert_eq!(wedged.map(|file| file.action), (second > 99 + 72).then_some(5), "{second}");
            assert_eq!(overdue(now, &files, &pace, FLOOR), if second > 171 { vec![5] } else { vec![] });
        }
    }

    #[test]
    fn the_one_whose_time_was_over_first_is_named_with_figures() {
        let start = Instant::now();
        let now = start + Duration::from_secs(300);
        let pace = pace(Some(0.05), 240.0);
        let files = [
            FileWatch { id: 1, bytes: 4_000_000_000, last_event: start },
            FileWatch { id: 2, bytes: 0, last_event: start + Duration::from_secs(10) },
        ];
        let decision = wedged(now, &files, &pace, FLOOR).unwrap();
        assert_eq!(decision.action, 2);
        assert_eq!(decision.why, "no progress for 0:04:50 on a file that can need 0:01:12 for a step");
        assert_eq!(overdue(now, &files, &pace, FLOOR), [1, 2]);
        assert_eq!(next_deadline(&files, &pace, FLOOR), Some(start + Duration::from_secs(82)));
        assert_eq!(next_deadline(&[], &pace, FLOOR), None);
        assert_eq!(wedged(now, &[], &pace, FLOOR), None);
    }

    #[test]
    fn a_clock_that_stands_still_wedges_nothing() {
        let now = Instant::now();
        let files = [FileWatch { id: 0, bytes: 0, last_event: now }];
        assert_eq!(wedged(now, &files, &pace(Some(0.0), 0.0), Duration::ZERO), None);
    }
}
