//! Times of audio that starts late, has gaps, or comes in files with misleading headers.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use verbatim_engine::audio::SAMPLE_RATE;
use verbatim_fixtures::decoded::{DecodedFile, decode};
use verbatim_fixtures::signal::{SECONDS, fixture, left, right, sampled};
use verbatim_fixtures::wav::Wav;
use verbatim_protocol::task::ChannelMode;

/// Tolerance of times in seconds.
const TOLERANCE: f64 = 0.05;

fn mixed(name: &str) -> DecodedFile {
    decode(&fixture(name), ChannelMode::Mix).unwrap()
}

/// Position in seconds at which `got` has the signal between `from` and `to` (both in seconds), by
/// correlation.
fn position(got: &[f32], signal: impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    let rate = f64::from(SAMPLE_RATE);
    let want = sampled(|t| signal(t + from), SAMPLE_RATE, to - from);
    let score = |at: usize| -> f32 {
        let (mut dot, mut power) = (0.0, 1e-9);
        for (got, want) in got[at..at + want.len()].iter().zip(&want) {
            dot += got * want;
            power += got * got;
        }
        dot / power.sqrt()
    };
    let best = (0..got.len() - want.len()).max_by(|&a, &b| score(a).total_cmp(&score(b)));
    best.unwrap() as f64 / rate
}

#[track_caller]
fn assert_near(got: f64, want: f64, what: &str) {
    assert!((got - want).abs() <= TOLERANCE, "{what}: {got:.3} s instead of {want:.3} s");
}

#[test]
fn audio_that_begins_after_the_picture_is_late() {
    for name in ["late.mp4", "late.webm", "late.ts"] {
        let got = mixed(name);
        assert_near(position(&got.channels[0], left, 0.2, 1.0), 1.2, name);
        assert_near(got.seconds, 1.0 + SECONDS, name);
        assert_eq!(got.warnings, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn missing_packets_leave_their_time() {
    for name in ["gap.mka", "gap.webm"] {
        let got = mixed(name);
        assert_near(position(&got.channels[0], left, 0.05, 0.25), 0.05, name);
        assert_near(position(&got.channels[0], left, 0.9, 1.15), 0.9, name);
        assert_near(got.seconds, SECONDS, name);
        assert_eq!(got.warnings.len(), 1, "{name}: {:?}", got.warnings);
        assert!(got.warnings[0].ends_with(" s of audio are missing"), "{:?}", got.warnings);
    }
}

#[test]
fn the_streams_of_a_browser_have_no_lengths() {
    let got = mixed("live.webm");
    assert_near(position(&got.channels[0], left, 0.2, 1.0), 0.2, "live.webm");
    assert_near(got.seconds, SECONDS, "live.webm");
    assert_eq!(got.warnings, Vec::<String>::new());
}

#[test]
fn quicktime_may_begin_with_free_space() {
    let got = mixed("free-first.mov");
    assert_near(position(&got.channels[0], left, 0.2, 1.0), 0.2, "free-first.mov");
    assert_eq!(got.warnings, Vec::<String>::new());
}

#[test]
fn aac_that_claims_a_higher_profile_is_read() {
    let got = mixed("he-explicit.m4a");
    assert_near(position(&got.channels[0], left, 0.2, 1.0), 0.2, "he-explicit.m4a");
    assert_near(got.seconds, SECONDS, "he-explicit.m4a");
}

#[test]
fn a_file_may_change_from_mono_to_stereo() {
    let got = mixed("mono-then-stereo.mp3");
    // The jingle, with the encoder's delay.
    let start = 0.5 + 0.05;
    assert!((got.seconds - start - SECONDS).abs() < 0.15, "{}", got.seconds);
    let tremolo = position(&got.channels[0], |t| left(t) + right(t), 0.2, 1.0);
    assert!((tremolo - start - 0.2).abs() < 0.1, "{tremolo}");
}

#[test]
fn a_header_that_was_never_updated_hides_nothing() {
    let speech = sampled(left, 16_000, SECONDS);
    let whole = || Wav::s16(16_000, std::slice::from_ref(&speech));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    // 0.2 s by the header; the rest is no chunk.
    std::fs::write(&path, Wav { data_len: Some(6_400), ..whole() }.bytes()).unwrap();
    let got = decode(&path, ChannelMode::Mix).unwrap();
    assert_eq!(got.channels[0].len(), speech.len());
    assert_eq!(got.warnings, ["the header gives a length of 0.2 s, the file has 1.2 s: all of it was read"]);
    // A chunk after the samples is no audio.
    let mut bytes = whole().bytes();
    bytes.extend(b"LIST\x04\x00\x00\x00INFO");
    std::fs::write(&path, bytes).unwrap();
    let got = decode(&path, ChannelMode::Mix).unwrap();
    assert_eq!((got.channels[0].len(), got.warnings.len()), (speech.len(), 0));
}

#[test]
fn a_recording_of_more_than_four_gibibytes_keeps_its_length() {
    // The length of its samples modulo 2^32 is in the header: 1 s. The file is sparse.
    const HEADER: u64 = 44;
    let samples = (1_u64 << 32) + 32_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    std::fs::write(&path, Wav { data_len: Some(32_000), ..Wav::s16(16_000, &[vec![0.1; 16_000]]) }.bytes())
        .unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(HEADER + samples).unwrap();
    let limits = verbatim_engine::audio::AudioLimits::default();
    let stream = verbatim_engine::audio::AudioStream::open(&path, ChannelMode::Mix, &limits).unwrap();
    let expected = stream.expected_seconds().unwrap();
    assert!((expected - samples as f64 / 32_000.0).abs() < 1.0, "{expected}");
}

#[test]
fn the_default_of_several_tracks_is_read() {
    let got = mixed("tracks.mkv");
    assert_near(position(&got.channels[0], right, 0.1, 0.9), 0.1, "tracks.mkv");
    assert_eq!(got.warnings, ["2 audio tracks (deu, eng): only track 2 was transcribed"]);
}
