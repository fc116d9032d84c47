//! Mixing of channels: whatever channel the speech is in, it is heard.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::PathBuf;

use verbatim_fixtures::decoded::{DecodedFile, decode, samples};
use verbatim_fixtures::model::sample;
use verbatim_fixtures::random::Xorshift;
use verbatim_fixtures::signal::{SECONDS, fixture, left, sampled, snr};
use verbatim_fixtures::wav::Wav;
use verbatim_protocol::task::ChannelMode;

const RATE: u32 = 16_000;

fn speech() -> Vec<f32> {
    samples(&sample("beckett.wav"))
}

fn mixed(channels: &[Vec<f32>]) -> DecodedFile {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("a.wav");
    std::fs::write(&path, Wav::s16(RATE, channels).bytes()).unwrap();
    let got = decode(&path, ChannelMode::Mix).unwrap();
    assert_eq!(got.channels[0].len(), channels[0].len());
    got
}

/// Decibels by which the speech is above everything else.
fn clarity(got: &DecodedFile, speech: &[f32]) -> f64 {
    snr(&got.channels[0], speech, 800)
}

#[test]
fn equal_channels_stay_as_they_are() {
    let speech = speech();
    let got = mixed(&[speech.clone(), speech.clone()]);
    assert_eq!(got.channels[0], mixed(std::slice::from_ref(&speech)).channels[0]);
    assert_eq!(got.warnings, Vec::<String>::new());
}

#[test]
fn channels_in_antiphase_do_not_cancel() {
    let speech = speech();
    let inverse: Vec<f32> = speech.iter().map(|sample| -sample).collect();
    let got = mixed(&[speech.clone(), inverse.clone()]);
    let best = clarity(&got, &speech).max(clarity(&got, &inverse));
    assert!(best > 30.0, "{best} dB");
    assert!(got.warnings[0].starts_with("channels cancel each other for "), "{:?}", got.warnings);
}

#[test]
fn one_of_eight_channels_is_as_loud_as_alone() {
    let speech = speech();
    for channel in [0, 3, 7] {
        let mut channels = vec![vec![0.0; speech.len()]; 8];
        channels[channel] = speech.clone();
        let got = mixed(&channels);
        assert!(clarity(&got, &speech) > 20.0, "channel {channel}: {} dB", clarity(&got, &speech));
        assert_eq!(got.warnings, Vec::<String>::new());
    }
}

#[test]
fn clicks_in_the_other_channel_do_not_drown_speech() {
    let speech = speech();
    let mut random = Xorshift::new(7);
    let mut clicks = vec![0.0; speech.len()];
    for start in (0..clicks.len() - 80).step_by(4_000) {
        for sample in &mut clicks[start..start + 80] {
            *sample = if random.below(2) == 0 { 0.9 } else { -0.9 };
        }
    }
    let mean: Vec<f32> = speech.iter().zip(&clicks).map(|(a, b)| (a + b) / 2.0).collect();
    let before = snr(&mean.iter().map(|sample| sample * 2.0).collect::<Vec<_>>(), &speech, 800);
    let after = clarity(&mixed(&[speech.clone(), clicks]), &speech);
    assert!(after > 15.0 && after > before + 10.0, "{before} dB before, {after} dB after");
}

#[test]
fn two_speakers_in_two_channels_are_both_heard() {
    let speech = speech();
    let half = speech.len() / 2;
    let (mut a, mut b) = (speech.clone(), speech.clone());
    a[half..].fill(0.0);
    b[..half].fill(0.0);
    let clarity = clarity(&mixed(&[a, b]), &speech);
    assert!(clarity > 15.0, "{clarity} dB");
}

#[test]
fn the_centre_of_film_sound_is_heard() {
    let got = decode(&fixture("aac-5.1.mp4"), ChannelMode::Mix).unwrap();
    assert_eq!(got.info.channels, 6);
    let want = sampled(left, RATE, SECONDS);
    let clarity = clarity(&got, &want);
    assert!(clarity > 6.0, "{clarity} dB");
}
