//! Assembly of files from their segments. Pure: messages in, events out.

use std::collections::HashMap;
use std::time::Instant;

use verbatim_protocol::event::{Event, FileResult, StageTimes};
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_protocol::transcript::{Audio, Segment};

use crate::audio::SAMPLE_RATE;
use crate::pipeline::worker_message::{SegmentOrigin, WorkerMessage};
use crate::recognizer::Recognition;

/// A text counts as invented, and is dropped, if `no_speech_prob` is above the first threshold and
/// `avg_logprob` below the second. Source: whisper's `no_speech_threshold` and `logprob_threshold`.
const NO_SPEECH_THRESHOLD: f64 = 0.6;
const LOGPROB_THRESHOLD: f64 = -1.0;

/// Properties of a file that was decoded to its end.
struct DecodedFile {
    audio: Audio,
    warnings: Vec<String>,
    sha256: String,
    bytes: u64,
    /// Seconds from the file's first byte to its end.
    decode_end: f64,
}

/// File in flight.
struct OpenFile {
    started: Instant,
    /// Segments that the model has not finished.
    pending: usize,
    segments: Vec<Segment>,
    decoded: Option<DecodedFile>,
    /// Seconds and bytes decoded so far.
    progress: (f64, u64),
    /// Times at which the model took the first segment and finished the last one.
    inference: Option<(Instant, Instant)>,
}

/// All files in flight.
#[derive(Default)]
pub(super) struct Collector {
    files: HashMap<usize, OpenFile>,
    origins: HashMap<u64, SegmentOrigin>,
}

impl Collector {
    /// Handles a message; the resulting events.
    pub(super) fn handle(&mut self, message: WorkerMessage) -> Vec<Event> {
        match message {
            WorkerMessage::FileStarted { task, started } => {
                let file = OpenFile {
                    started,
                    pending: 0,
                    segments: Vec::new(),
                    decoded: None,
                    progress: (0.0, 0),
                    inference: None,
                };
                self.files.insert(task, file);
                vec![Event::Begun { id: task }]
            }
            WorkerMessage::Decoded { task, audio_seconds, bytes_read } => {
                let Some(file) = self.files.get_mut(&task) else { return Vec::new() };
                file.progress = (audio_seconds, bytes_read);
                vec![Event::Progress { id: task, audio_seconds, bytes_read }]
            }
            WorkerMessage::SegmentFound { id, origin } => {
                if let Some(file) = self.files.get_mut(&origin.task) {
                    file.pending += 1;
                    self.origins.insert(id, origin);
                }
                Vec::new()
            }
            WorkerMessage::FileEnded { task, audio, warnings, sha256, bytes } => {
                if let Some(file) = self.files.get_mut(&task) {
                    let decode_end = file.started.elapsed().as_secs_f64();
                    file.decoded = Some(DecodedFile { audio, warnings, sha256, bytes, decode_end });
                }
                self.complete(task)
            }
            WorkerMessage::FileFailed { task, failure } => self.fail(task, failure),
            WorkerMessage::Recognized { id, recognition, since } => {
                let Some(origin) = self.origins.remove(&id) else { return Vec::new() };
                let Some(file) = self.files.get_mut(&origin.task) else { return Vec::new() };
                file.pending -= 1;
                file.segments.extend(segment(&origin, recognition));
                let first = file.inference.map_or(since, |(first, _)| first.min(since));
                file.inference = Some((first, Instant::now()));
                // A decoded file makes progress too while its segments are recognised.
                let (audio_seconds, bytes_read) = file.progress;
                let mut events = vec![Event::Progress { id: origin.task, audio_seconds, bytes_read }];
                events.extend(self.complete(origin.task));
                events
            }
            WorkerMessage::InferenceFailed { ids, failure } => {
                let tasks: Vec<_> =
                    ids.iter().filter_map(|id| self.origins.remove(id)).map(|origin| origin.task).collect();
                tasks.into_iter().flat_map(|task| self.fail(task, failure.clone())).collect()
            }
        }
    }

    /// Fails all files in flight as interrupted.
    pub(super) fn interrupt_all(&mut self) -> Vec<Event> {
        let mut tasks: Vec<usize> = self.files.keys().copied().collect();
        tasks.sort_unstable();
        let failure = Failure {
            reason: FailureReason::Interrupted,
            message: "the run was interrupted before this file was done".to_owned(),
            position_seconds: None,
        };
        tasks.into_iter().flat_map(|task| self.fail(task, failure.clone())).collect()
    }

    /// Fails a file. Later messages about it are ignored, because it is no longer in flight.
    fn fail(&mut self, task: usize, failure: Failure) -> Vec<Event> {
        self.files.remove(&task).map(|_| Event::Failed { id: task, failure }).into_iter().collect()
    }

    /// Completes a file that is decoded and whose segments are all recognised.
    fn complete(&mut self, task: usize) -> Vec<Event> {
        if !self.files.get(&task).is_some_and(|file| file.decoded.is_some() && file.pending == 0) {
            return Vec::new();
        }
        let Some(OpenFile { started, mut segments, decoded: Some(decoded), inference, .. }) =
            self.files.remove(&task)
        else {
            return Vec::new();
        };
        segments.sort_by(|a, b| a.start.total_cmp(&b.start).then(a.channel.cmp(&b.channel)));
        for (id, segment) in (0..).zip(&mut segments) {
            segment.id = id;
        }
        let DecodedFile { mut audio, warnings, sha256, bytes, decode_end } = decoded;
        audio.duration_seconds = micro(audio.duration_seconds);
        let processing_seconds = micro(started.elapsed().as_secs_f64());
        let since = |moment: Instant| micro(moment.saturating_duration_since(started).as_secs_f64());
        let inference = inference.map(|(from, to)| (since(from), since(to)));
        let stages = StageTimes { decode_end: micro(decode_end), inference };
        let result = FileResult { segments, audio, sha256, bytes, warnings, processing_seconds, stages };
        vec![Event::Done { id: task, result }]
    }
}

/// Segment of the transcript; `None` if nothing was said.
fn segment(origin: &SegmentOrigin, recognition: Recognition) -> Option<Segment> {
    let Recognition { text, avg_logprob } = recognition;
    let no_speech_prob = rounded(1.0 - f64::from(origin.span.speech));
    let avg_logprob = rounded(avg_logprob);
    if text.is_empty() || (no_speech_prob > NO_SPEECH_THRESHOLD && avg_logprob < LOGPROB_THRESHOLD) {
        return None;
    }
    Some(Segment {
        id: 0,
        channel: origin.channel,
        start: seconds(origin.span.samples.start),
        end: seconds(origin.span.samples.end),
        text,
        avg_logprob,
        no_speech_prob,
    })
}

/// Position in seconds, rounded to the millisecond.
fn seconds(samples: usize) -> f64 {
    (samples as f64 * 1000.0 / f64::from(SAMPLE_RATE)).round() / 1000.0
}

/// Rounds to the microsecond, which is shorter than a sample at any sample rate of speech.
fn micro(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}

/// Rounds a score to four digits, more than are significant.
fn rounded(x: f64) -> f64 {
    (x * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vad::segmenter::Span;

    fn found(id: u64, task: usize, from: usize) -> WorkerMessage {
        let span = Span { samples: from..from + 16_000, speech: 0.9 };
        WorkerMessage::SegmentFound { id, origin: SegmentOrigin { task, channel: None, span } }
    }

    fn recognized(id: u64, text: &str) -> WorkerMessage {
        let recognition = Recognition { text: text.to_owned(), avg_logprob: -0.25 };
        WorkerMessage::Recognized { id, recognition, since: Instant::now() }
    }

    fn ended(task: usize) -> WorkerMessage {
        let audio =
            Audio { duration_seconds: 2.0, sample_rate: 8000, channels: 1, codec: "pcm_s16le".to_owned() };
        WorkerMessage::FileEnded { task, audio, warnings: Vec::new(), sha256: String::new(), bytes: 1 }
    }

    fn start(collector: &mut Collector, task: usize) {
        collector.handle(WorkerMessage::FileStarted { task, started: Instant::now() });
    }

    #[test]
    fn segments_are_sorted_whatever_order_they_were_recognised_in() {
        let mut collector = Collector::default();
        start(&mut collector, 7);
        for message in [found(0, 7, 0), found(1, 7, 32_000)] {
            assert_eq!(collector.handle(message), vec![]);
        }
        let progress = Event::Progress { id: 7, audio_seconds: 0.0, bytes_read: 0 };
        assert_eq!(collector.handle(recognized(1, "b")), vec![progress.clone()]);
        assert_eq!(collector.handle(ended(7)), vec![]);
        let events = collector.handle(recognized(0, "a"));
        let [first, Event::Done { id: 7, result }] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(first, &progress);
        let texts: Vec<_> = result.segments.iter().map(|s| (s.id, s.text.as_str(), s.start)).collect();
        assert_eq!(texts, [(0, "a", 0.0), (1, "b", 2.0)]);
        let (from, to) = result.stages.inference.unwrap();
        assert!(from <= to && to <= result.processing_seconds, "{result:?}");
        assert!(result.stages.decode_end <= result.processing_seconds, "{result:?}");
        assert_eq!(collector.interrupt_all(), vec![]);
    }

    #[test]
    fn a_file_fails_once_and_later_messages_are_ignored() {
        let failure = Failure {
            reason: FailureReason::InferenceFailed,
            message: "x".to_owned(),
            position_seconds: None,
        };
        let mut collector = Collector::default();
        start(&mut collector, 1);
        start(&mut collector, 2);
        for message in [found(0, 1, 0), found(1, 1, 32_000), found(2, 2, 0)] {
            collector.handle(message);
        }
        let events =
            collector.handle(WorkerMessage::InferenceFailed { ids: vec![0, 1], failure: failure.clone() });
        assert_eq!(events, vec![Event::Failed { id: 1, failure }]);
        assert_eq!(collector.handle(ended(1)), vec![]);
        let events = collector.interrupt_all();
        assert!(
            matches!(events.as_slice(), [Event::Failed { id: 2, failure }] if failure.reason == FailureReason::Interrupted)
        );
    }

    #[test]
    fn a_text_without_speech_is_dropped() {
        let origin =
            |speech| SegmentOrigin { task: 0, channel: None, span: Span { samples: 0..16_000, speech } };
        let recognition = |avg_logprob| Recognition { text: "thank you".to_owned(), avg_logprob };
        assert!(segment(&origin(0.3), recognition(-1.5)).is_none());
        assert!(segment(&origin(0.3), recognition(-0.5)).is_some());
        assert!(segment(&origin(0.9), recognition(-1.5)).is_some());
    }
}
