//! From a file to segments: decode, detect speech, cut. Runs on a listener's thread, beside the model.

use std::collections::VecDeque;
use std::path::Path;

use super::audio::{AudioLimits, AudioStream, SAMPLE_RATE};
use super::family::RecognizeError;
use super::segmenter::{Segmenter, Span};
use super::vad::{Vad, VadStream};
use verbatim_models::Ready;
use verbatim_protocol::failure::{Failure, FailureReason, is_out_of_memory};
use verbatim_protocol::options::VadOptions;
use verbatim_protocol::task::ChannelMode;
use verbatim_protocol::transcript::Audio;

/// A segment that was heard.
#[derive(Debug)]
pub(super) struct Heard {
    /// Channel of the recording; absent when the channels were mixed.
    pub(super) channel: Option<u16>,
    /// Where it lies, in samples at 16 kHz.
    pub(super) span: Span,
    /// Its samples, of a length that the model takes.
    pub(super) samples: Vec<f32>,
}

/// A whole file.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) audio: Audio,
    pub(super) warnings: Vec<String>,
}

/// What a listener needs to know; the same for all files.
pub(super) struct Settings<'a> {
    pub(super) channels: ChannelMode,
    pub(super) model: &'a Ready,
    pub(super) limits: AudioLimits,
    pub(super) vad: &'a VadOptions,
    pub(super) max_seconds: f64,
    /// The length that the model takes for a number of samples.
    pub(super) fitted_length: &'a (dyn Fn(usize) -> usize + Sync),
}

/// Why listening ended before the file did.
pub(super) enum Stopped {
    /// The file failed.
    Failed(Failure),
    /// Nobody wants the rest.
    Unwanted,
}

impl From<RecognizeError> for Stopped {
    fn from(error: RecognizeError) -> Self {
        Self::Failed(failure_of(&error))
    }
}

/// A model's error as a file's failure, with all its causes in words.
pub(super) fn failure_of(error: &RecognizeError) -> Failure {
    let message = format!("{error}: {}", error.source);
    let reason = match is_out_of_memory(&message) {
        true => FailureReason::OutOfMemory,
        false => FailureReason::InferenceFailed,
    };
    Failure { reason, message, position_seconds: None }
}

/// Listens to one file's `channels` and hands each segment to `each`, which says whether to go on; `progress` hears of
/// seconds and bytes.
pub(super) fn listen(
    path: &Path,
    channels: ChannelMode,
    settings: &Settings<'_>,
    vad: &mut Vad,
    each: &mut dyn FnMut(Heard) -> bool,
    progress: &mut dyn FnMut(f64, u64),
) -> Result<Ended, Stopped> {
    let failed = |error| Stopped::Failed(Failure::from(error));
    let mut stream = AudioStream::open(path, channels, &settings.limits).map_err(failed)?;
    let mut ways: Vec<Channel> = (0..stream.output_channels()).map(|_| Channel::new(settings)).collect();
    let label = |index: usize| match channels {
        ChannelMode::Mix => None,
        ChannelMode::Split => u16::try_from(index).ok(),
        ChannelMode::Only(channel) => Some(channel),
    };
    while let Some(block) = stream.next_block().map_err(failed)? {
        for (index, (samples, channel)) in block.iter().zip(&mut ways).enumerate() {
            channel.push(samples, vad)?;
            if !channel.drain(label(index), settings, each) {
                return Err(Stopped::Unwanted);
            }
        }
        progress(stream.seconds(), stream.bytes_read());
    }
    for (index, channel) in ways.iter_mut().enumerate() {
        channel.finish(vad)?;
        if !channel.drain(label(index), settings, each) {
            return Err(Stopped::Unwanted);
        }
    }
    let mut audio = stream.info().clone();
    audio.duration_seconds = stream.seconds();
    Ok(Ended { audio, warnings: stream.warnings().to_vec() })
}

/// One channel's way from samples to segments.
struct Channel {
    segmenter: Segmenter,
    speech: VadStream,
    /// Samples that a segment may still need.
    audio: VecDeque<f32>,
    /// Position of the first of them.
    from: usize,
    spans: Vec<Span>,
    probabilities: Vec<f32>,
}

impl Channel {
    fn new(settings: &Settings<'_>) -> Self {
        Self {
            segmenter: Segmenter::new(settings.vad, settings.max_seconds),
            speech: VadStream::default(),
            audio: VecDeque::new(),
            from: 0,
            spans: Vec::new(),
            probabilities: Vec::new(),
        }
    }

    fn total(&self) -> usize {
        self.from + self.audio.len()
    }

    fn push(&mut self, samples: &[f32], vad: &mut Vad) -> Result<(), RecognizeError> {
        self.audio.extend(samples);
        vad.push(&mut self.speech, samples, &mut self.probabilities)?;
        self.segmenter.push(&self.probabilities, &mut self.spans);
        self.probabilities.clear();
        Ok(())
    }

    fn finish(&mut self, vad: &mut Vad) -> Result<(), RecognizeError> {
        vad.finish(std::mem::take(&mut self.speech), &mut self.probabilities)?;
        self.segmenter.push(&self.probabilities, &mut self.spans);
        self.probabilities.clear();
        self.segmenter.finish(self.total(), &mut self.spans);
        Ok(())
    }

    /// Hands out the segments that are complete and forgets the audio before them.
    fn drain(
        &mut self,
        channel: Option<u16>,
        settings: &Settings<'_>,
        each: &mut dyn FnMut(Heard) -> bool,
    ) -> bool {
        for span in self.spans.drain(..) {
            let first = span.samples.start.saturating_sub(self.from).min(self.audio.len());
            let last = span.samples.end.saturating_sub(self.from).clamp(first, self.audio.len());
            let mut samples: Vec<f32> = self.audio.range(first..last).copied().collect();
            samples.resize((settings.fitted_length)(samples.len()), 0.0);
            if !each(Heard { channel, span, samples }) {
                return false;
            }
        }
        let needed = self.segmenter.needed_from().saturating_sub(self.from).min(self.audio.len());
        self.audio.drain(..needed);
        self.from += needed;
        true
    }
}

/// A position in seconds, to the millisecond.
pub(super) fn seconds(samples: usize) -> f64 {
    (samples as f64 * 1000.0 / f64::from(SAMPLE_RATE)).round() / 1000.0
}
