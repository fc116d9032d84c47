//! Segmentation of one file: decode, detect speech, cut into segments.

use std::collections::VecDeque;
use std::path::Path;

use verbatim_models::InstalledModel;
use verbatim_protocol::failure::Failure;
use verbatim_protocol::options::VadOptions;
use verbatim_protocol::task::ChannelMode;
use verbatim_protocol::transcript::Audio;

use crate::audio::{AudioError, AudioLimits, AudioStream};
use crate::pipeline::worker_message::inference_failure;
use crate::recognizer::{RecognizeError, UtteranceLengths};
use crate::vad::segmenter::{Segmenter, Span};
use crate::vad::silero::{SileroVad, VadStream};

/// Segment of a file.
#[derive(Debug)]
pub(super) struct FileSegment {
    /// Channel of the recording; `None` if the channels were mixed.
    pub(super) channel: Option<u16>,
    /// Position in samples at 16 kHz.
    pub(super) span: Span,
    /// Samples, of a length that the model accepts.
    pub(super) samples: Vec<f32>,
}

/// Properties of a file that was read to its end.
#[derive(Debug)]
pub(super) struct SegmentedFile {
    pub(super) audio: Audio,
    pub(super) warnings: Vec<String>,
}

/// Settings of segmentation, the same for all files.
pub(super) struct SegmentSettings<'a> {
    pub(super) channels: ChannelMode,
    pub(super) model: &'a InstalledModel,
    pub(super) limits: AudioLimits,
    pub(super) vad: &'a VadOptions,
    pub(super) lengths: UtteranceLengths,
}

/// Reason why segmentation ended before the file did.
pub(super) enum Stopped {
    /// The file failed.
    Failed(Failure),
    /// The run was cancelled.
    Cancelled,
}

impl From<AudioError> for Stopped {
    fn from(error: AudioError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<RecognizeError> for Stopped {
    fn from(error: RecognizeError) -> Self {
        Self::Failed(inference_failure(&error))
    }
}

/// Cuts `channels` of a file into segments. `on_segment` gets each segment and returns false to cancel.
/// `on_progress` gets the seconds decoded and the bytes read so far.
pub(super) fn segment_file(
    path: &Path,
    channels: ChannelMode,
    settings: &SegmentSettings<'_>,
    vad: &mut SileroVad,
    on_segment: &mut dyn FnMut(FileSegment) -> bool,
    on_progress: &mut dyn FnMut(f64, u64),
) -> Result<SegmentedFile, Stopped> {
    let mut stream = AudioStream::open(path, channels, &settings.limits)?;
    let mut outputs: Vec<ChannelStream> =
        (0..stream.output_channels()).map(|_| ChannelStream::new(settings)).collect();
    let label = |index: usize| match channels {
        ChannelMode::Mix => None,
        ChannelMode::Split => u16::try_from(index).ok(),
        ChannelMode::Only(channel) => Some(channel),
    };
    while let Some(block) = stream.next_block()? {
        for (index, (samples, output)) in block.iter().zip(&mut outputs).enumerate() {
            output.push(samples, vad)?;
            output.emit(label(index), settings, on_segment)?;
        }
        on_progress(stream.seconds(), stream.bytes_read());
    }
    for (index, output) in outputs.iter_mut().enumerate() {
        output.finish(vad)?;
        output.emit(label(index), settings, on_segment)?;
    }
    let mut audio = stream.info().clone();
    audio.duration_seconds = stream.seconds();
    Ok(SegmentedFile { audio, warnings: stream.warnings().to_vec() })
}

/// Segmentation of one output channel.
struct ChannelStream {
    segmenter: Segmenter,
    speech: VadStream,
    /// Samples that a segment may still need.
    audio: VecDeque<f32>,
    /// Position of the first of them.
    from: usize,
    spans: Vec<Span>,
    probabilities: Vec<f32>,
}

impl ChannelStream {
    fn new(settings: &SegmentSettings<'_>) -> Self {
        Self {
            segmenter: Segmenter::new(settings.vad, settings.lengths.max_seconds),
            speech: VadStream::default(),
            audio: VecDeque::new(),
            from: 0,
            spans: Vec::new(),
            probabilities: Vec::new(),
        }
    }

    fn push(&mut self, samples: &[f32], vad: &mut SileroVad) -> Result<(), RecognizeError> {
        self.audio.extend(samples);
        vad.push(&mut self.speech, samples, &mut self.probabilities)?;
        self.segmenter.push(&self.probabilities, &mut self.spans);
        self.probabilities.clear();
        Ok(())
    }

    fn finish(&mut self, vad: &mut SileroVad) -> Result<(), RecognizeError> {
        vad.finish(std::mem::take(&mut self.speech), &mut self.probabilities)?;
        self.segmenter.push(&self.probabilities, &mut self.spans);
        self.probabilities.clear();
        self.segmenter.finish(self.from + self.audio.len(), &mut self.spans);
        Ok(())
    }

    /// Emits the complete segments and drops the audio before them.
    fn emit(
        &mut self,
        channel: Option<u16>,
        settings: &SegmentSettings<'_>,
        on_segment: &mut dyn FnMut(FileSegment) -> bool,
    ) -> Result<(), Stopped> {
        for span in self.spans.drain(..) {
            let first = span.samples.start.saturating_sub(self.from).min(self.audio.len());
            let last = span.samples.end.saturating_sub(self.from).clamp(first, self.audio.len());
            let mut samples: Vec<f32> = self.audio.range(first..last).copied().collect();
            samples.resize(settings.lengths.fit(samples.len()), 0.0);
            if !on_segment(FileSegment { channel, span, samples }) {
                return Err(Stopped::Cancelled);
            }
        }
        let needed = self.segmenter.needed_from().saturating_sub(self.from).min(self.audio.len());
        self.audio.drain(..needed);
        self.from += needed;
        Ok(())
    }
}
