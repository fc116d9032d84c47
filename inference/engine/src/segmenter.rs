//! From speech probabilities to segments. Pure: no audio, no I/O; positions are samples at 16 kHz.
//!
//! First Silero's own rules make stretches of speech: one begins at `threshold` and ends when the probability stays
//! below `negative_threshold` for `min_silence`. Then neighbours are joined up to `join_samples`: the model hears whole
//! sentences, and each segment's fixed costs are paid less often. A stretch that reaches `max_samples` is cut at its
//! least speech-like window.

use std::ops::Range;

use super::vad::WINDOW;
use verbatim_protocol::options::VadOptions;

/// Samples in a millisecond.
const MILLISECOND: usize = 16;
/// Neighbours are joined to at most this length: whole sentences are recognised better than phrases. On the Asterisk
/// prompts the word error rate is 8.4 % without joining, 7.4 % up to 5 s, 6.3 % up to 8 s, 5.9 % up to 12 s.
const JOIN_SECONDS: f64 = 12.0;
/// Longer pauses are never joined over: silence inside of a segment costs time and invites invented words.
const JOIN_GAP_MILLISECONDS: usize = 1200;
/// A forced cut is looked for in the second part of the stretch, beginning here: no piece becomes too short.
const CUT_FROM: f64 = 0.5;

/// A stretch of audio for the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Samples of the stretch, padding included.
    pub samples: Range<usize>,
    /// Mean probability of speech of its windows, 0 to 1.
    pub speech: f32,
}

/// Rules in samples.
#[derive(Clone, Debug)]
struct Rules {
    threshold: f32,
    negative: f32,
    min_speech: usize,
    min_silence: usize,
    pad: usize,
    max: usize,
    join: usize,
    join_gap: usize,
}

/// A stream of probabilities on its way to segments.
#[derive(Debug)]
pub struct Segmenter {
    rules: Rules,
    /// Windows seen so far.
    windows: usize,
    /// Start of the stretch that is open.
    start: Option<usize>,
    /// Where the pause began that may end the open stretch.
    pause: Option<usize>,
    /// Probabilities since `kept`.
    probabilities: Vec<f32>,
    /// Window that `probabilities` begins with.
    kept: usize,
    /// A stretch that waits for a neighbour to join.
    waiting: Option<Range<usize>>,
    /// End of the last segment given out: padding never reaches behind it.
    given: usize,
}

impl Segmenter {
    /// A new stream. `max_seconds` is what the model takes at most.
    pub fn new(options: &VadOptions, max_seconds: f64) -> Self {
        let milliseconds = |ms: u32| ms as usize * MILLISECOND;
        let pad = milliseconds(options.speech_pad_milliseconds);
        let seconds = |s: f64| (s * 1000.0 * MILLISECOND as f64) as usize;
        // Padding on both sides and the rounding to whole windows must fit into what the model takes.
        let max = seconds(options.max_speech_seconds.min(max_seconds))
            .saturating_sub(2 * pad + WINDOW)
            .max(4 * WINDOW);
        let threshold = options.threshold as f32;
        let negative = options.negative_threshold.unwrap_or(options.threshold - 0.15).max(0.01) as f32;
        Self {
            rules: Rules {
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
            waiting: None,
            given: 0,
        }
    }

    /// First sample that a later segment may still need.
    pub fn needed_from(&self) -> usize {
        let open = self.waiting.as_ref().map(|w| w.start).or(self.start).unwrap_or(self.windows * WINDOW);
        open.saturating_sub(self.rules.pad + WINDOW).max(self.given.min(open))
    }

    /// Takes the next windows' probabilities and appends the segments that are complete.
    pub fn push(&mut self, probabilities: &[f32], out: &mut Vec<Span>) {
        for &probability in probabilities {
            self.probabilities.push(probability);
            self.windows += 1;
            self.window(probability, out);
        }
        self.forget();
    }

    /// Ends the stream of `total` samples.
    pub fn finish(&mut self, total: usize, out: &mut Vec<Span>) {
        if let Some(start) = self.start.take() {
            let end = self.pause.take().unwrap_or(self.windows * WINDOW).min(total);
            self.close(start..end, out);
        }
        if let Some(waiting) = self.waiting.take() {
            self.give(waiting, total, out);
        }
    }

    fn window(&mut self, probability: f32, out: &mut Vec<Span>) {
        let (from, to) = ((self.windows - 1) * WINDOW, self.windows * WINDOW);
        let Some(start) = self.start else {
            if probability >= self.rules.threshold {
                self.start = Some(from);
                self.pause = None;
            } else if self.waiting.as_ref().is_some_and(|w| to - w.end > self.rules.join_gap)
                && let Some(waiting) = self.waiting.take()
            {
                self.give(waiting, to, out);
            }
            return;
        };
        if probability >= self.rules.threshold {
            self.pause = None;
        } else if probability < self.rules.negative {
            self.pause.get_or_insert(from);
        }
        if let Some(pause) = self.pause
            && to - pause >= self.rules.min_silence
        {
            (self.start, self.pause) = (None, None);
            self.close(start..pause, out);
        } else if to - start >= self.rules.max {
            let cut = self.quietest(start, to);
            self.close(start..cut, out);
            self.start = Some(cut);
            self.pause = self.pause.filter(|pause| *pause > cut);
        }
    }

    /// The boundary before the least speech-like window in the later part of a stretch.
    fn quietest(&self, start: usize, end: usize) -> usize {
        let first = start + ((end - start) as f64 * CUT_FROM) as usize;
        let windows = first.div_ceil(WINDOW)..end / WINDOW;
        let probability = |w: usize| self.probabilities.get(w - self.kept).copied().unwrap_or(1.0);
        windows.min_by(|a, b| probability(*a).total_cmp(&probability(*b))).map_or(end, |w| w * WINDOW)
    }

    /// A stretch of speech is complete: it joins the one that waits, or takes its place.
    fn close(&mut self, speech: Range<usize>, out: &mut Vec<Span>) {
        if speech.len() < self.rules.min_speech {
            return;
        }
        match self.waiting.take() {
            Some(waiting)
                if speech.end - waiting.start <= self.rules.join
                    && speech.start - waiting.end <= self.rules.join_gap =>
            {
                self.waiting = Some(waiting.start..speech.end);
            }
            Some(waiting) => {
                self.give(waiting, speech.start, out);
                self.waiting = Some(speech);
            }
            None => self.waiting = Some(speech),
        }
    }

    /// Gives a segment out, padded, but neither into the one before nor past `limit`.
    fn give(&mut self, speech: Range<usize>, limit: usize, out: &mut Vec<Span>) {
        let windows = speech.start / WINDOW..speech.end.div_ceil(WINDOW);
        let inside = windows.filter_map(|w| w.checked_sub(self.kept).and_then(|i| self.probabilities.get(i)));
        let (sum, count) = inside.fold((0.0f32, 0), |(sum, count), p| (sum + p, count + 1));
        let start = speech.start.saturating_sub(self.rules.pad).max(self.given);
        let end = (speech.end + self.rules.pad).min(limit.max(speech.end));
        self.given = end;
        out.push(Span { samples: start..end, speech: if count > 0 { sum / count as f32 } else { 0.0 } });
    }

    /// Drops probabilities that no open stretch needs.
    fn forget(&mut self) {
        let needed =
            self.waiting.as_ref().map(|w| w.start).or(self.start).map_or(self.windows, |s| s / WINDOW);
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
    fn silence_gives_nothing_and_speech_is_padded() {
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
    fn speech_without_a_pause_is_cut_where_it_is_least_speech_like() {
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
            // Every long stretch of certain speech is covered.
            for (w, window) in p.windows(12).enumerate() {
                if window.iter().all(|&p| p >= 0.5) {
                    let middle = (w + 6) * WINDOW;
                    prop_assert!(middle >= total || found.iter().any(|s| s.samples.contains(&middle)), "window {w}");
                }
            }
        }
    }
}
