//! Times of blocks: where audio is missing, and for how long. No I/O.
//!
//! The clock of a file starts where its first stream starts, for example a picture. Audio that begins later,
//! and audio of which packets are missing, is completed with silence: every sample then has its time.

/// Difference in seconds between the time of a block and the end of the audio before it that is no gap:
/// containers round times, and codecs start before their first sample.
const TOLERANCE: f64 = 0.05;
/// Maximum gap in seconds in formats whose clock may jump (MPEG-TS, Ogg): FFmpeg's tool takes more than this
/// for a jump as well.
const MAX_GAP_WITH_JUMPS: f64 = 10.0;
/// Maximum seconds of silence in one file that are filled in, if its duration is unknown. Damaged times give
/// gaps of years.
const MAX_FILL: f64 = 3600.0;

/// Seconds of audio, exact as long as the sample rate stays the same.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct AudioClock {
    before: f64,
    frames: u64,
    rate: u32,
}

impl AudioClock {
    /// Adds frames at `rate` Hz.
    pub(super) fn add(&mut self, frames: usize, rate: u32) {
        if rate != self.rate {
            *self = Self { before: self.seconds(), frames: 0, rate };
        }
        self.frames += frames as u64;
    }

    /// The seconds.
    pub(super) fn seconds(&self) -> f64 {
        if self.rate == 0 { 0.0 } else { self.before + self.frames as f64 / f64::from(self.rate) }
    }
}

/// Clock of a file.
#[derive(Debug)]
pub(super) struct Timeline {
    /// The file's time at position 0.
    offset: Option<f64>,
    /// Seconds of audio so far, gaps included.
    position: f64,
    /// End of the file on its own clock, if it is known.
    end: Option<f64>,
    may_jump: bool,
    /// Number of gaps after the start that were filled.
    gaps: u32,
    /// Seconds of all of them.
    filled: f64,
    /// Seconds of silence in front of the audio.
    lead: f64,
}

impl Timeline {
    /// Clock of a file with these times in seconds: `start` of the first stream, `duration` by the header.
    /// `may_jump`: whether its times may jump without audio that is missing.
    pub(super) fn new(start: Option<f64>, duration: Option<f64>, may_jump: bool) -> Self {
        // A start before 0 is the delay of an encoder.
        let offset = start.map(|start| start.max(0.0));
        let end = duration.map(|duration| offset.unwrap_or(0.0) + duration);
        Self { offset, position: 0.0, end, may_jump, gaps: 0, filled: 0.0, lead: 0.0 }
    }

    /// Seconds of silence before a block that the file places at `time`.
    pub(super) fn gap_before(&mut self, time: Option<f64>) -> f64 {
        let Some(time) = time else { return 0.0 };
        let expected = *self.offset.get_or_insert(time - self.position) + self.position;
        let jump = time - expected;
        if jump.abs() <= TOLERANCE {
            return 0.0;
        }
        if jump > 0.0 && self.is_plausible(jump, time) {
            self.position += jump;
            if self.position > jump {
                self.gaps += 1;
                self.filled += jump;
            } else {
                self.lead = jump;
            }
            return jump;
        }
        // The clock was set anew, for example at the start of a chained stream.
        self.offset = Some(time - self.position);
        0.0
    }

    /// Continues with a chained stream, whose clock starts anew.
    pub(super) fn restart(&mut self) {
        (self.offset, self.end) = (None, None);
    }

    /// Adds the seconds of a block.
    pub(super) fn advance(&mut self, seconds: f64) {
        self.position += seconds;
    }

    /// Seconds of audio so far, gaps included.
    pub(super) fn position(&self) -> f64 {
        self.position
    }

    /// Number of gaps that were filled after the start of the audio, and their seconds.
    pub(super) fn gaps(&self) -> (u32, f64) {
        (self.gaps, self.filled)
    }

    fn is_plausible(&self, jump: f64, time: f64) -> bool {
        match self.end {
            _ if self.may_jump && jump > MAX_GAP_WITH_JUMPS => false,
            // The header's duration is rounded.
            Some(end) => time <= end + 1.0,
            None => self.lead + self.filled + jump <= MAX_FILL,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Silence before each block of a second, by their times.
    fn gaps(mut timeline: Timeline, times: &[f64]) -> Vec<f64> {
        let before = times.iter().map(|&time| {
            let gap = timeline.gap_before(Some(time));
            timeline.advance(1.0);
            gap
        });
        before.collect()
    }

    #[test]
    fn audio_without_gaps_stays_as_it_is() {
        let none = [0.0; 3];
        assert_eq!(gaps(Timeline::new(Some(0.0), None, false), &[0.0, 1.0, 2.0]), none);
        assert_eq!(gaps(Timeline::new(None, None, false), &[7.0, 8.0, 9.0]), none);
        // The delay of an encoder, and rounded times.
        assert_eq!(gaps(Timeline::new(Some(-0.021), None, false), &[-0.021, 0.98, 2.02]), none);
        // MPEG-TS starts anywhere.
        assert_eq!(gaps(Timeline::new(Some(1.4), Some(9.0), true), &[1.4, 2.4, 3.4]), none);
        let mut unknown = Timeline::new(Some(0.0), None, false);
        assert_eq!(unknown.gap_before(None), 0.0);
    }

    #[test]
    fn a_late_start_and_missing_packets_become_silence() {
        let mut late = Timeline::new(Some(0.0), Some(30.0), false);
        assert_eq!(late.gap_before(Some(4.0)), 4.0);
        late.advance(1.0);
        assert_eq!(late.gap_before(Some(5.0)), 0.0);
        late.advance(1.0);
        assert_eq!(late.gaps(), (0, 0.0), "a late start is no damage");
        assert_eq!(late.gap_before(Some(11.0)), 5.0);
        assert_eq!(late.gaps(), (1, 5.0));
    }

    #[test]
    fn implausible_jumps_are_a_clock_that_was_set() {
        assert_eq!(gaps(Timeline::new(Some(0.0), Some(10.0), false), &[0.0, 900.0, 901.0]), [0.0; 3]);
        assert_eq!(gaps(Timeline::new(Some(0.0), None, false), &[0.0, 4e6, 4e6 + 1.0]), [0.0; 3]);
        assert_eq!(gaps(Timeline::new(Some(0.0), None, false), &[0.0, 3000.0, 6000.0]), [0.0, 2999.0, 0.0]);
        assert_eq!(gaps(Timeline::new(Some(0.0), None, true), &[0.0, 6.0, 60.0]), [0.0, 5.0, 0.0]);
        // A chained stream begins at 0 again; its own gaps count.
        assert_eq!(
            gaps(Timeline::new(Some(0.0), None, true), &[0.0, 1.0, 0.0, 1.0, 4.0]),
            [0.0, 0.0, 0.0, 0.0, 2.0]
        );
    }
}
