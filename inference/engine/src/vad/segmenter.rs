//! Segments of speech from speech probabilities. Pure: no audio, no I/O. Positions are samples at 16 kHz.
//!
//! First Silero's own rules find regions of speech: a region starts at `threshold` and ends when the
//! probability stays below `negative_threshold` for `min_silence`. Then adjacent regions are joined up to
//! `join` samples: the model gets whole sentences, and the fixed cost of a segment is paid less often. A
//! region that reaches `max` samples is split at the window with the lowest probability.

use std::ops::Range;

use crate::vad::silero::WINDOW;
use verbatim_protocol::options::VadOptions;

/// Samples of a millisecond.
const MILLISECOND: usize = 16;
/// Maximum length of joined regions. Whole sentences are recognised better than phrases: on the Asterisk
/// prompts the word error rate is 8.4 % without joining, 7.4 % up to 5 s, 6.3 % up to 8 s, 5.9 % up to 12 s.
const JOIN_SECONDS: f64 = 12.0;
/// Maximum pause inside a segment. Silence inside a segment costs time and makes the model invent words.
const JOIN_GAP_MILLISECONDS: usize = 1200;
/// Part of a region after which it may be split, so that no piece becomes too short.
const SPLIT_FROM: f64 = 0.5;

/// Position of a segment.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Samples of the segment, padding included.
    pub samples: Range<usize>,
    /// Mean speech probability of its windows, 0 to 1.
    pub speech: f32,
}

/// Settings, with lengths in samples.
#[derive(Clone, Debug)]
struct Settings {
    threshold: f32,
    negative: f32,
    min_speech: usize,
    min_silence: usize,
    pad: usize,
    max: usize,
    join: usize,
    join_gap: usize,
}

/// State of one stream of probabilities.
#[derive(Debug)]
pub struct Segmenter {
    settings: Settings,
    /// Number of windows so far.
    windows: usize,
    /// Start of the open region.
    start: Option<usize>,
    /// Start of the pause that may end the open region.
    pause: Option<usize>,
    /// Probabilities from window `kept` on.
    probabilities: Vec<f32>,
    /// First window in `probabilities`.
    kept: usize,
    /// Complete region that the next one may join.
    pending: Option<Range<usize>>,
    /// End of the last emitted segment. Padding never reaches before it.
    emitted: usize,
}

impl Segmenter {
    /// Starts a stream. `max_seconds` is the model's maximum length of an utterance.
    pub fn new(options: &VadOptions, max_seconds: f64) -> Self {
        let milliseconds = |ms: u32| ms as usize * MILLISECOND;
        let pad = milliseconds(options.speech_pad_milliseconds);
        let seconds = |s: f64| (s * 1000.0 * MILLISECOND as f64) as usize;
        // Padding on both sides and rounding to whole windows must fit into the model's maximum.
        let max = seconds(options.max_speech_seconds.min(max_seconds))
            .saturating_sub(2 * pad + WINDOW)
            .max(4 * WINDOW);
        let threshold = options.threshold as f32;
        let negative = options.negative_threshold.unwrap_or(options.threshold - 0.15).max(0.01) as f32;
        Self {
            settings: Settings {
                threshold,
                negative,
                min_speech: milliseconds(options.min_speech_milliseconds),
                min_silence: milliseconds(options.min_silence_milliseconds),
                pad,
                max,
                join: seconds(JOIN_SECONDS).min(max),
                join_gap: JOIN_GAP_MILLISECONDS * MILLISECOND,
            },
            windows: 0,
            start: None,
            pause: None,
            probabilities: Vec::new(),
            kept: 0,
            pending: None,
            emitted: 0,
        }
    }

    /// First sample that a later segment may need.
    pub fn needed_from(&self) -> usize {
        let open = self.pending.as_ref().map(|w| w.start).or(self.start).unwrap_or(self.windows * WINDOW);
        open.saturating_sub(self.settings.pad + WINDOW).max(self.emitted.min(open))
    }

    /// Adds the probabilities of the next windows, and appends complete segments to `out`.
    pub fn push(&mut self, probabilities: &[f32], out: &mut Vec<Span>) {
        for &probability in probabilities {
            self.probabilities.push(probability);
            self.windows += 1;
            self.push_window(probability, out);
        }
        self.drop_probabilities();
    }

    /// Ends the stream, which has `total` samples, and appends the last segments to `out`.
    pub fn finish(&mut self, total: usize, out: &mut Vec<Span>) {
        if let Some(start) = self.start.take() {
            let end = self.pause.take().unwrap_or(self.windows * WINDOW).min(total);
            self.close(start..end, out);
        }
        if let Some(pending) = self.pending.take() {
            self.emit(pending, total, out);
        }
    }

    fn push_window(&mut self, probability: f32, out: &mut Vec<Span>) {
        let (from, to) = ((self.windows - 1) * WINDOW, self.windows * WINDOW);
        let Some(start) = self.start else {
            if probability >= self.settings.threshold {
                self.start = Some(from);
                self.pause = None;
            } else if self.pending.as_ref().is_some_and(|w| to - w.end > self.settings.join_gap)
                && let Some(pending) = self.pending.take()
            {
                self.emit(pending, to, out);
            }
            return;
        };
        if probability >= self.settings.threshold {
            self.pause = None;
        } else if probability < self.settings.negative {
            self.pause.get_or_insert(from);
        }
        if let Some(pause) = self.pause
            && to - pause >= self.settings.min_silence
        {
            (self.start, self.pause) = (None, None);
            self.close(start..pause, out);
        } else if to - start >= self.settings.max {
            let split = self.split_position(start, to);
            self.close(start..split, out);
            self.start = Some(split);
            self.pause = self.pause.filter(|pause| *pause > split);
        }
    }

    /// Start of the window with the lowest probability in the later part of a region.
    fn split_position(&self, start: usize, end: usize) -> usize {
        let first = start + ((end - start) as f64 * SPLIT_FROM) as usize;
        let windows = first.div_ceil(WINDOW)..end / WINDOW;
        let probability = |w: usize| self.probabilities.get(w - self.kept).copied().unwrap_or(1.0);
        windows.min_by(|a, b| probability(*a).total_cmp(&probability(*b))).map_or(end, |w| w * WINDOW)
    }

    /// Completes a region: joins it to the pending one, or replaces that one.
    fn close(&mut self, speech: Range<usize>, out: &mut Vec<Span>) {
        if speech.len() < self.settings.min_speech {
            return;
        }
        match self.pending.take() {
            Some(pending)
                if speech.end - pending.start <= self.settings.join
                    && speech.start - pending.end <= self.settings.join_gap =>
            {
                self.pending = Some(pending.start..speech.end);
            }
            Some(pending) => {
                self.emit(pending, speech.start, out);
                self.pending = Some(speech);
            }
            None => self.pending = Some(speech),
        }
    }

    /// Emits a region as a padded segment. Padding reaches neither into the previous segment nor past
    /// `limit`.
    fn emit(&mut self, speech: Range<usize>, limit: usize, out: &mut Vec<Span>) {
        let windows = speech.start / WINDOW..speech.end.div_ceil(WINDOW);
        let inside = windows.filter_map(|w| w.checked_sub(self.kept).and_then(|i| self.probabilities.get(i)));
        let (sum, count) = inside.fold((0.0f32, 0), |(sum, count), p| (sum + p, count + 1));
        let start = speech.start.saturating_sub(self.settings.pad).max(self.emitted);
        let end = (speech.end + self.settings.pad).min(limit.max(speech.end));
        self.emitted = end;
        out.push(Span { samples: start..end, speech: if count > 0 { sum / count as f32 } else { 0.0 } });
    }

    /// Drops probabilities before the open and the pending region.
    fn drop_probabilities(&mut self) {
        let needed =
            self.pending.as_ref().map(|w| w.start).or(self.start).map_or(self.windows, |s| s / WINDOW);
        self.probabilities.drain(..needed.saturating_sub(self.kept).min(self.probabilities.len()));
        self.kept = self.kept.max(needed.min(self.windows));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segments(probabilities: &[f32], total: usize, chunk: usize) -> Vec<Span> {
        let mut segmenter = Segmenter::new(&VadOptions::default(), 15.0);
        let mut out = Vec::new();
        for part in probabilities.chunks(chunk.max(1)) {
            segmenter.push(part, &mut out);
        }
        segmenter.finish(total, &mut out);
        out
    }

    /// Runs of windows with one probability each.
    fn speech(runs: &[(usize, f32)]) -> Vec<f32> {
        runs.iter().flat_map(|&(n, p)| std::iter::repeat_n(p, n)).collect()
    }

    #[test]
    fn silence_gives_no_segment_and_speech_is_padded() {
        assert_eq!(segments(&speech(&[(500, 0.1)]), 500 * WINDOW, 7), vec![]);
        let p = speech(&[(20, 0.0), (40, 0.9), (30, 0.0)]);
        let found = segments(&p, p.len() * WINDOW, 7);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].samples, 20 * WINDOW - 1600..60 * WINDOW + 1600);
        assert!((found[0].speech - 0.9).abs() < 1e-5);
    }

    #[test]
    fn short_pauses_are_joined_and_long_ones_are_not() {
        let p = speech(&[(40, 0.9), (10, 0.0), (40, 0.9), (40, 0.0), (40, 0.9)]);
        let found = segments(&p, p.len() * WINDOW, 1);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].samples, 0..90 * WINDOW + 1600);
        assert_eq!(found[1].samples, 130 * WINDOW - 1600..170 * WINDOW);
    }

    #[test]
    fn speech_without_a_pause_is_split_at_the_lowest_probability() {
        let mut p = speech(&[(1000, 0.9)]);
        p[400] = 0.6;
        let found = segments(&p, p.len() * WINDOW, 13);
        assert_eq!(found[0].samples.end, 400 * WINDOW);
    }

    proptest! {
        #[test]
        fn segments_are_in_order_and_never_too_long(
            runs in proptest::collection::vec((1usize..300, 0.0f32..1.0), 1..30),
            chunk in 1usize..50,
        ) {
            let p = speech(&runs);
            let total = p.len() * WINDOW - 100;
            let found = segments(&p, total, chunk);
            prop_assert_eq!(&found, &segments(&p, total, p.len()), "chunks do not matter");
            let mut last = 0;
            for span in &found {
                prop_assert!(span.samples.start >= last, "no overlap: {:?}", found);
                prop_assert!(span.samples.end <= total);
                prop_assert!(span.samples.len() <= 15 * 16_000, "{:?}", span);
                prop_assert!(!span.samples.is_empty());
                last = span.samples.end;
            }
            // Every long run of speech above the threshold is covered.
            for (w, window) in p.windows(12).enumerate() {
                if window.iter().all(|&p| p >= 0.5) {
                    let middle = (w + 6) * WINDOW;
                    prop_assert!(middle >= total || found.iter().any(|s| s.samples.contains(&middle)), "window {w}");
                }
            }
        }
    }
}
