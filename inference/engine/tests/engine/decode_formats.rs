//! Decoding of every supported format, compared with the original signal: pitch, channels, level and
//! position.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use verbatim_engine::audio::SAMPLE_RATE;
use verbatim_fixtures::decoded::decode;
use verbatim_fixtures::signal::{SECONDS, fixture, left, right, sampled, snr};
use verbatim_protocol::task::ChannelMode;

struct Case {
    file: &'static str,
    codec: &'static str,
    rate: u32,
    channels: u16,
    /// Minimum signal-to-noise ratio in dB: low for lossy codecs (ffmpeg's decoder also gives 8.6 dB for the
    /// AAC), but far above the -3 dB of a wrong pitch, channel or frame.
    snr: f64,
    /// Tolerance of the duration in seconds, where the format does not give the end of the last packet.
    slack: f64,
    /// Delay of the signal in frames of the file: the encoder's delay, where the format has no field for it
    /// or Symphonia does not read it (the edit list of MP4).
    delay: u32,
}

const fn case(
    file: &'static str,
    codec: &'static str,
    rate: u32,
    channels: u16,
    snr: f64,
    slack: f64,
) -> Case {
    Case { file, codec, rate, channels, snr, slack, delay: 0 }
}

const fn delayed(case: Case, delay: u32) -> Case {
    Case { delay, ..case }
}

const CASES: &[Case] = &[
    case("mulaw-8k.wav", "pcm_mulaw", 8000, 1, 30.0, 0.001),
    case("alaw-8k.wav", "pcm_alaw", 8000, 1, 30.0, 0.001),
    case("adpcm-ms.wav", "adpcm_ms", 11025, 2, 20.0, 0.1),
    case("adpcm-ima.wav", "adpcm_ima_wav", 11025, 2, 20.0, 0.2),
    case("extensible-s24.wav", "pcm_s24le", 16000, 2, 100.0, 0.0),
    case("rf64.wav", "pcm_s16le", 8000, 1, 60.0, 0.001),
    delayed(case("mp3-in-wav.wav", "mp3", 22050, 2, 10.0, 0.1), 1105),
    case("flac.flac", "flac", 44100, 2, 60.0, 0.001),
    case("mp3.mp3", "mp3", 44100, 2, 15.0, 0.001),
    delayed(case("mp2.mp2", "mp2", 44100, 1, 10.0, 0.1), 481),
    delayed(case("aac.m4a", "aac", 48000, 2, 6.0, 0.05), 1024),
    delayed(case("aac-fragmented.mp4", "aac", 44100, 2, 6.0, 0.1), 1024),
    case("alac.m4a", "alac", 16000, 2, 60.0, 0.001),
    case("vorbis.ogg", "vorbis", 44100, 2, 15.0, 0.001),
    case("opus.opus", "opus", 48000, 2, 10.0, 0.001),
    case("opus-short-frames.opus", "opus", 48000, 1, 10.0, 0.01),
    case("opus.webm", "opus", 48000, 2, 10.0, 0.05),
    case("vorbis.mka", "vorbis", 44100, 2, 15.0, 0.05),
    case("aiff.aiff", "pcm_s16be", 22050, 1, 60.0, 0.001),
    case("caf.caf", "pcm_s16be", 22050, 1, 60.0, 0.001),
    delayed(case("video.mp4", "aac", 48000, 2, 6.0, 0.05), 1024),
    case("video.webm", "opus", 48000, 2, 6.0, 0.05),
];

#[test]
fn every_format_decodes_to_the_original_signal() {
    let mut wrong = Vec::new();
    for case in CASES {
        let got = match decode(&fixture(case.file), ChannelMode::Split) {
            Ok(got) => got,
            Err(e) => {
                wrong.push(format!("{}: {e}", case.file));
                continue;
            }
        };
        let signals: &[fn(f64) -> f64] = if case.channels == 2 { &[left, right] } else { &[left] };
        let info = (got.info.codec.as_str(), got.info.sample_rate, got.info.channels);
        if info != (case.codec, case.rate, case.channels) {
            wrong.push(format!("{}: {info:?}", case.file));
        }
        if (got.seconds - SECONDS).abs() > case.slack || !got.warnings.is_empty() {
            wrong.push(format!("{}: {} s, {:?}", case.file, got.seconds, got.warnings));
        }
        for (channel, signal) in signals.iter().enumerate() {
            let late = f64::from(case.delay) / f64::from(case.rate);
            let want = sampled(|t| signal(t - late), SAMPLE_RATE, SECONDS);
            let snr = snr(&got.channels[channel], &want, 800);
            if snr < case.snr {
                wrong.push(format!("{} channel {channel}: {snr:.1} dB", case.file));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
