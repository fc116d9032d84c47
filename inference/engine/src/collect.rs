//! Files put together from their segments. Pure: messages in, events out.

use std::collections::HashMap;
use std::time::Instant;

use super::family::Recognition;
use super::listen::seconds;
use super::segmenter::Span;
use verbatim_protocol::event::{Event, FileResult, Parts};
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_protocol::transcript::{Audio, Segment};

/// Where a segment belongs.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) task: usize,
    pub(super) channel: Option<u16>,
    pub(super) span: Span,
}

/// What listeners and lanes tell.
#[derive(Debug)]
pub(super) enum Message {
    Started {
        task: usize,
        started: Instant,
    },
    Progress {
        task: usize,
        audio_seconds: f64,
        bytes_read: u64,
    },
    Heard {
        id: u64,
        place: Place,
    },
    Ended {
        task: usize,
        audio: Audio,
        warnings: Vec<String>,
        sha256: String,
        bytes: u64,
    },
    Failed {
        task: usize,
        failure: Failure,
    },
    /// `since`: when the model took it.
    Recognised {
        id: u64,
        recognition: Recognition,
        since: Instant,
    },
    LaneFailed {
        ids: Vec<u64>,
        failure: Failure,
    },
}

/// A text is dropped as invented when speech is this unlikely and the model this unsure. Source: whisper's
/// `no_speech_threshold` and `logprob_threshold`.
const NO_SPEECH: f64 = 0.6;
const UNSURE: f64 = -1.0;

/// What is known of the end of a file that has been heard.
struct Ending {
    audio: Audio,
    warnings: Vec<String>,
    sha256: String,
    bytes: u64,
    /// Seconds from the file's first byte to now.
    decoded: f64,
}

/// A file in flight.
struct Open {
    started: Instant,
    /// Segments that no lane has answered yet.
    unanswered: usize,
    segments: Vec<Segment>,
    ending: Option<Ending>,
    /// Seconds and bytes heard so far.
    heard: (f64, u64),
    /// When the model took its first segment, and when it gave the last one back.
    model: Option<(Instant, Instant)>,
}

/// All files in flight.
#[derive(Default)]
pub(super) struct Collector {
    files: HashMap<usize, Open>,
    places: HashMap<u64, Place>,
}

impl Collector {
    /// Takes a message in; the events that follow from it.
    pub(super) fn take(&mut self, message: Message) -> Vec<Event> {
        match message {
            Message::Started { task, started } => {
                let open = Open {
                    started,
                    unanswered: 0,
                    segments: Vec::new(),
                    ending: None,
                    heard: (0.0, 0),
                    model: None,
                };
                self.files.insert(task, open);
                vec![Event::Begun { id: task }]
            }
            Message::Progress { task, audio_seconds, bytes_read } => {
                let Some(file) = self.files.get_mut(&task) else { return Vec::new() };
                file.heard = (audio_seconds, bytes_read);
                vec![Event::Progress { id: task, audio_seconds, bytes_read }]
            }
            Message::Heard { id, place } => {
                if let Some(file) = self.files.get_mut(&place.task) {
                    file.unanswered += 1;
                    self.places.insert(id, place);
                }
                Vec::new()
            }
            Message::Ended { task, audio, warnings, sha256, bytes } => {
                if let Some(file) = self.files.get_mut(&task) {
                    let decoded = file.started.elapsed().as_secs_f64();
                    file.ending = Some(Ending { audio, warnings, sha256, bytes, decoded });
                }
                self.complete(task)
            }
            Message::Failed { task, failure } => self.fail(task, failure),
            Message::Recognised { id, recognition, since } => {
                let Some(place) = self.places.remove(&id) else { return Vec::new() };
                let Some(file) = self.files.get_mut(&place.task) else { return Vec::new() };
                file.unanswered -= 1;
                file.segments.extend(segment(&place, recognition));
                let first = file.model.map_or(since, |(first, _)| first.min(since));
                file.model = Some((first, Instant::now()));
                // Nothing more may be to hear, and the file goes on all the same: whoever waits should know.
                let (audio_seconds, bytes_read) = file.heard;
                let mut events = vec![Event::Progress { id: place.task, audio_seconds, bytes_read }];
                events.extend(self.complete(place.task));
                events
            }
            Message::LaneFailed { ids, failure } => {
                let tasks: Vec<_> =
                    ids.iter().filter_map(|id| self.places.remove(id)).map(|p| p.task).collect();
                tasks.into_iter().flat_map(|task| self.fail(task, failure.clone())).collect()
            }
        }
    }

    /// Answers every file that is still in flight.
    pub(super) fn interrupted(&mut self) -> Vec<Event> {
        let mut tasks: Vec<usize> = self.files.keys().copied().collect();
        tasks.sort_unstable();
        let failure = Failure {
            reason: FailureReason::Interrupted,
            message: "the run was interrupted before this file was done".to_owned(),
            position_seconds: None,
        };
        tasks.into_iter().flat_map(|task| self.fail(task, failure.clone())).collect()
    }

    /// Later messages about a file that failed find nothing and are dropped.
    fn fail(&mut self, task: usize, failure: Failure) -> Vec<Event> {
        self.files.remove(&task).map(|_| Event::Failed { id: task, failure }).into_iter().collect()
    }

    fn complete(&mut self, task: usize) -> Vec<Event> {
        if !self.files.get(&task).is_some_and(|file| file.ending.is_some() && file.unanswered == 0) {
            return Vec::new();
        }
        let Some(Open { started, mut segments, ending: Some(ending), model, .. }) = self.files.remove(&task)
        else {
            return Vec::new();
        };
        segments.sort_by(|a, b| a.start.total_cmp(&b.start).then(a.channel.cmp(&b.channel)));
        for (id, segment) in (0..).zip(&mut segments) {
            segment.id = id;
        }
        let Ending { mut audio, warnings, sha256, bytes, decoded } = ending;
        audio.duration_seconds = micro(audio.duration_seconds);
        let processing_seconds = micro(started.elapsed().as_secs_f64());
        let since = |moment: Instant| micro(moment.saturating_duration_since(started).as_secs_f64());
        let parts =
            Parts { decoded: micro(decoded), model: model.map(|(from, to)| (since(from), since(to))) };
        let result = FileResult { segments, audio, sha256, bytes, warnings, processing_seconds, parts };
        vec![Event::Done { id: task, result }]
    }
}

/// A segment of the transcript; nothing where nothing was said.
fn segment(place: &Place, recognition: Recognition) -> Option<Segment> {
    let Recognition { text, avg_logprob } = recognition;
    let no_speech_prob = rounded(1.0 - f64::from(place.span.speech));
    let avg_logprob = rounded(avg_logprob);
    if text.is_empty() || (no_speech_prob > NO_SPEECH && avg_logprob < UNSURE) {
        return None;
    }
    Some(Segment {
        id: 0,
        channel: place.channel,
        start: seconds(place.span.samples.start),
        end: seconds(place.span.samples.end),
        text,
        avg_logprob,
        no_speech_prob,
    })
}

/// To the microsecond: below a sample of any rate that is speech.
fn micro(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}

/// Four digits: what a score means ends long before.
fn rounded(x: f64) -> f64 {
    (x * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(id: u64, task: usize, from: usize) -> Message {
        let span = Span { samples: from..from + 16_000, speech: 0.9 };
        Message::Heard { id, place: Place { task, channel: None, span } }
    }

    fn recognised(id: u64, text: &str) -> Message {
        let recognition = Recognition { text: text.to_owned(), avg_logprob: -0.25 };
        Message::Recognised { id, recognition, since: Instant::now() }
    }

    fn ended(task: usize) -> Message {
        let audio =
            Audio { duration_seconds: 2.0, sample_rate: 8000, channels: 1, codec: "pcm_s16le".to_owned() };
        Message::Ended { task, audio, warnings: Vec::new(), sha256: String::new(), bytes: 1 }
    }

    fn start(collector: &mut Collector, task: usize) {
        collector.take(Message::Started { task, started: Instant::now() });
    }

    #[test]
    fn segments_come_in_order_whatever_order_they_were_done_in() {
        let mut collector = Collector::default();
        start(&mut collector, 7);
        for message in [heard(0, 7, 0), heard(1, 7, 32_000)] {
            assert_eq!(collector.take(message), vec![]);
        }
        let progress = Event::Progress { id: 7, audio_seconds: 0.0, bytes_read: 0 };
        assert_eq!(collector.take(recognised(1, "b")), vec![progress.clone()]);
        assert_eq!(collector.take(ended(7)), vec![]);
        let events = collector.take(recognised(0, "a"));
        let [first, Event::Done { id: 7, result }] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(first, &progress);
        let texts: Vec<_> = result.segments.iter().map(|s| (s.id, s.text.as_str(), s.start)).collect();
        assert_eq!(texts, [(0, "a", 0.0), (1, "b", 2.0)]);
        let (from, to) = result.parts.model.unwrap();
        assert!(from <= to && to <= result.processing_seconds, "{result:?}");
        assert!(result.parts.decoded <= result.processing_seconds, "{result:?}");
        assert_eq!(collector.interrupted(), vec![]);
    }

    #[test]
    fn a_file_fails_once_and_what_comes_later_is_dropped() {
        let failure = Failure {
            reason: FailureReason::InferenceFailed,
            message: "x".to_owned(),
            position_seconds: None,
        };
        let mut collector = Collector::default();
        start(&mut collector, 1);
        start(&mut collector, 2);
        for message in [heard(0, 1, 0), heard(1, 1, 32_000), heard(2, 2, 0)] {
            collector.take(message);
        }
        let events = collector.take(Message::LaneFailed { ids: vec![0, 1], failure: failure.clone() });
        assert_eq!(events, vec![Event::Failed { id: 1, failure }]);
        assert_eq!(collector.take(ended(1)), vec![]);
        let events = collector.interrupted();
        assert!(
            matches!(events.as_slice(), [Event::Failed { id: 2, failure }] if failure.reason == FailureReason::Interrupted)
        );
    }

    #[test]
    fn a_text_without_speech_is_dropped() {
        let place = |speech| Place { task: 0, channel: None, span: Span { samples: 0..16_000, speech } };
        let recognition = |avg_logprob| Recognition { text: "thank you".to_owned(), avg_logprob };
        assert!(segment(&place(0.3), recognition(-1.5)).is_none());
        assert!(segment(&place(0.3), recognition(-0.5)).is_some());
        assert!(segment(&place(0.9), recognition(-1.5)).is_some());
    }
}
