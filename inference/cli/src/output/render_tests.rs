use std::collections::BTreeMap;

use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

use super::cues::{Cue, MAX_MILLISECONDS, MIN_MILLISECONDS, cues};
use super::lines::{MAX_COLUMNS, units};
use super::render::render;
use super::testing::{segment, transcript};
use verbatim_crds::destination::Format;
use verbatim_protocol::transcript::{Segment, Transcript};

const TALE: &str = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of \
    foolishness, it was the epoch of belief, it was the epoch of incredulity.";

fn text(transcript: &Transcript, format: Format) -> String {
    String::from_utf8(render(transcript, format).unwrap()).unwrap()
}

fn on_channel(channel: u16, mut segment: Segment) -> Segment {
    segment.channel = Some(channel);
    segment
}

#[test]
fn srt_of_two_segments() {
    let transcript = transcript(vec![segment(0.5, 14.9, TALE), segment(3_725.25, 3_727.0, "a --> b")]);
    insta::assert_snapshot!(text(&transcript, Format::Srt));
}

#[test]
fn vtt_of_two_channels() {
    let transcript = transcript(vec![
        on_channel(0, segment(1.0, 4.0, "Is <this> R&D?")),
        on_channel(1, segment(2.5, 3.0, "Yes.")),
    ]);
    insta::assert_snapshot!(text(&transcript, Format::Vtt));
    insta::assert_snapshot!(text(&transcript, Format::Srt));
    insta::assert_snapshot!(text(&transcript, Format::Txt));
}

#[test]
fn a_transcript_without_text_is_a_valid_file() {
    let empty = transcript(vec![]);
    assert_eq!(text(&empty, Format::Srt), "");
    assert_eq!(text(&empty, Format::Vtt), "WEBVTT\n\n");
    assert_eq!(text(&empty, Format::Txt), "");
    assert_eq!(read_srt(&empty), []);
    assert_eq!(read_vtt(&empty), []);
    let blank = transcript(vec![segment(0.0, 1.0, " \u{feff}\n")]);
    assert_eq!(text(&blank, Format::Srt), "");
    assert_eq!(text(&blank, Format::Txt), "");
}

#[test]
fn a_long_word_is_shown_for_the_longest_duration() {
    let cues = cues(&transcript(vec![segment(1.0, 16.0, "Hmm.")]));
    assert_eq!(
        cues,
        [Cue { start: 1_000, end: 1_000 + MAX_MILLISECONDS, channel: None, lines: vec!["Hmm.".into()] }]
    );
}

#[test]
fn a_short_word_is_shown_long_enough_to_read_if_there_is_room() {
    let cues = cues(&transcript(vec![
        segment(1.0, 1.2, "Yes."),
        segment(1.5, 1.6, "No."),
        segment(59.9, 59.95, "Bye."),
    ]));
    let times: Vec<_> = cues.iter().map(|cue| (cue.start, cue.end)).collect();
    assert_eq!(times, [(1_000, 1_500), (1_500, 1_500 + MIN_MILLISECONDS), (59_900, 60_000)]);
}

#[test]
fn invalid_times_are_clamped() {
    for (start, end) in [(f64::NAN, f64::NAN), (-1.0, -0.5), (2.0, 1.0), (1e300, 1e300)] {
        let cues = cues(&transcript(vec![segment(start, end, "word")]));
        assert!(cues.len() == 1 && cues[0].end > cues[0].start, "{cues:?}");
    }
}

/// A cue as a third-party parser reads it.
#[derive(Debug, PartialEq)]
struct Read {
    start: u64,
    end: u64,
    text: String,
}

fn read_srt(transcript: &Transcript) -> Vec<Read> {
    let subtitles = srtlib::Subtitles::parse_from_str(text(transcript, Format::Srt)).unwrap();
    let milliseconds = |time: srtlib::Timestamp| {
        let (hours, minutes, seconds, rest) = time.get();
        ((u64::from(hours) * 60 + u64::from(minutes)) * 60 + u64::from(seconds)) * 1000 + u64::from(rest)
    };
    subtitles
        .into_iter()
        .map(|cue| Read {
            start: milliseconds(cue.start_time),
            end: milliseconds(cue.end_time),
            text: cue.text,
        })
        .collect()
}

fn read_vtt(transcript: &Transcript) -> Vec<Read> {
    use subtp::vtt::{VttBlock, VttTimestamp, WebVtt};
    let milliseconds = |time: &VttTimestamp| {
        ((u64::from(time.hours) * 60 + u64::from(time.minutes)) * 60 + u64::from(time.seconds)) * 1000
            + u64::from(time.milliseconds)
    };
    let parsed = WebVtt::parse(&text(transcript, Format::Vtt)).unwrap();
    let mut read = Vec::new();
    for block in parsed.blocks {
        if let VttBlock::Que(cue) = block {
            read.push(Read {
                start: milliseconds(&cue.timings.start),
                end: milliseconds(&cue.timings.end),
                text: cue.payload.join("\n"),
            });
        }
    }
    read
}

fn arrows_shortened(cue: &Cue) -> String {
    cue.lines.join("\n").replace("-->", "->")
}

fn escaped(cue: &Cue) -> String {
    cue.lines.join("\n").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

prop_compose! {
    fn segments(channels: u16)(
        parts in prop::collection::vec((0_u32..3_000, 20_u32..20_000, words(), 0..channels.max(1)), 0..12)
    ) -> Vec<Segment> {
        let mut ends = vec![0; usize::from(channels.max(1))];
        let mut segments: Vec<Segment> = parts.into_iter().map(|(pause, length, text, channel)| {
            let start = ends[usize::from(channel)] + pause;
            ends[usize::from(channel)] = start + length;
            let found = segment(f64::from(start) / 1000.0, f64::from(start + length) / 1000.0, &text);
            if channels == 0 { found } else { on_channel(channel, found) }
        }).collect();
        segments.sort_by(|a, b| a.start.total_cmp(&b.start).then(a.channel.cmp(&b.channel)));
        segments
    }
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "([A-Za-z',.?]{1,14} ){0,60}",
        1 => "[ぁ-ん一-龠、。]{0,80}",
        1 => "([a-z<>&]{1,4}|-->|[0-9]{1,3}|\\PC{1,50}|\n| ){0,20}",
    ]
}

/// The words of a channel, in order, without spaces.
fn spoken<'a>(parts: impl Iterator<Item = (Option<u16>, &'a str)>) -> BTreeMap<Option<u16>, String> {
    let mut spoken = BTreeMap::new();
    for (channel, text) in parts {
        let found: &mut String = spoken.entry(channel).or_default();
        found.extend(units(text, MAX_COLUMNS).iter().map(|unit| unit.text.as_str()));
    }
    spoken.retain(|_, text| !text.is_empty());
    spoken
}

fn check(transcript: &Transcript) -> Result<(), TestCaseError> {
    let cues = cues(transcript);
    for cue in &cues {
        prop_assert!(cue.end > cue.start && cue.end - cue.start <= MAX_MILLISECONDS, "{:?}", cue);
        prop_assert!((1..=2).contains(&cue.lines.len()), "{:?}", cue);
        for line in &cue.lines {
            prop_assert!(!line.is_empty() && line.width() <= MAX_COLUMNS, "{:?}", cue);
        }
    }
    for pair in cues.windows(2) {
        prop_assert!(pair[0].end <= pair[1].start, "{:?}", pair);
    }
    let lines = cues.iter().flat_map(|cue| cue.lines.iter().map(|line| (cue.channel, line.as_str())));
    let segments = transcript.segments.iter().map(|segment| (segment.channel, segment.text.as_str()));
    prop_assert_eq!(spoken(lines), spoken(segments));

    let srt = read_srt(transcript);
    prop_assert_eq!(srt.len(), cues.len());
    for (read, cue) in srt.iter().zip(&cues) {
        prop_assert_eq!((read.start, read.end), (cue.start, cue.end));
        prop_assert!(read.text.trim().ends_with(arrows_shortened(cue).trim()), "{:?} {:?}", read, cue);
        prop_assert!(read.text.lines().all(|line| line.width() <= MAX_COLUMNS), "{:?}", read);
    }
    let vtt = read_vtt(transcript);
    prop_assert_eq!(vtt.len(), cues.len());
    for (read, cue) in vtt.iter().zip(&cues) {
        prop_assert_eq!((read.start, read.end), (cue.start, cue.end));
        prop_assert!(read.text.ends_with(&escaped(cue)), "{:?} {:?}", read, cue);
    }
    let schema: serde_json::Value =
        serde_json::from_str(&crate::commands::schema::schema_text().unwrap()).unwrap();
    let json = serde_json::from_slice(&render(transcript, Format::Json).unwrap()).unwrap();
    prop_assert!(jsonschema::is_valid(&schema, &json), "{}", json);
    let back: Transcript = serde_json::from_value(json).unwrap();
    prop_assert_eq!(&back, transcript);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_word_of_a_mixed_transcript_is_lost(segments in segments(0)) {
        check(&transcript(segments))?;
    }

    #[test]
    fn no_word_of_separate_channels_is_lost(segments in segments(3)) {
        check(&transcript(segments))?;
    }
}
