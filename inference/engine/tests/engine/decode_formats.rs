//! Decoding of every supported format, compared with the original signal: pitch, channels, level and
//! position.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use verbatim_engine::audio::SAMPLE_RATE;
use verbatim_fixtures::decoded::decode;
use verbatim_fixtures::signal::{SECONDS, fixture, left, right, sampled, snr};
use verbatim_protocol::task::ChannelMode;

pub(crate) struct Case {
    pub(crate) file: &'static str,
    codec: &'static str,
    rate: u32,
    channels: u16,
    /// Minimum signal-to-noise ratio in dB: low for lossy codecs (ffmpeg's decoder also gives 8.6 dB for the
    /// AAC), but far above the -3 dB of a wrong pitch, channel or frame.
    snr: f64,
    /// Tolerance of the duration in seconds, where the format does not give the end of the last packet.
    slack: f64,
    /// Delay of the signal in frames of the file: the encoder's delay, where the format has no field for it.
    delay: i32,
}

/// For a coder of voices, which keeps pitch and level, and not the form of the wave.
const NO_WAVEFORM: f64 = f64::NEG_INFINITY;

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

const fn delayed(case: Case, delay: i32) -> Case {
    Case { delay, ..case }
}

pub(crate) const CASES: &[Case] = &[
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
    case("aac.m4a", "aac", 48000, 2, 6.0, 0.05),
    delayed(case("aac-fragmented.mp4", "aac", 44100, 2, 6.0, 0.1), 1024),
    case("alac.m4a", "alac", 16000, 2, 60.0, 0.001),
    case("vorbis.ogg", "vorbis", 44100, 2, 15.0, 0.001),
    case("opus.opus", "opus", 48000, 2, 10.0, 0.001),
    case("opus-short-frames.opus", "opus", 48000, 1, 10.0, 0.01),
    case("opus.webm", "opus", 48000, 2, 10.0, 0.05),
    case("vorbis.mka", "vorbis", 44100, 2, 15.0, 0.05),
    case("aiff.aiff", "pcm_s16be", 22050, 1, 60.0, 0.001),
    case("caf.caf", "pcm_s16be", 22050, 1, 60.0, 0.001),
    case("video.mp4", "aac", 48000, 2, 6.0, 0.05),
    delayed(case("video.webm", "opus", 48000, 2, 6.0, 0.05), -3),
    // Telephony. Coders of voices do not keep the form of a wave: their pitch and level are compared below.
    case("gsm.wav", "gsm_ms", 8000, 1, 3.0, 0.05),
    case("gsm.gsm", "gsm", 8000, 1, 3.0, 0.05),
    delayed(case("g722.wav", "adpcm_g722", 16000, 1, 10.0, 0.05), 22),
    delayed(case("g722.g722", "adpcm_g722", 16000, 1, 10.0, 0.05), 22),
    delayed(case("g7231.wav", "g723_1", 8000, 1, NO_WAVEFORM, 0.05), 32),
    case("g726.wav", "adpcm_g726", 8000, 1, 10.0, 0.05),
    case("au.au", "pcm_mulaw", 8000, 1, 30.0, 0.001),
    case("alaw.al", "pcm_alaw", 8000, 1, 30.0, 0.001),
    case("mulaw.ul", "pcm_mulaw", 8000, 1, 30.0, 0.001),
    delayed(case("speex.ogg", "speex", 16000, 1, 0.0, 0.05), 221),
    case("voc.voc", "pcm_s16le", 8000, 1, 60.0, 0.01),
    delayed(case("sbc.sbc", "sbc", 16000, 1, 6.0, 0.05), 73),
    case("sphere.sph", "pcm_s16le", 8000, 1, 60.0, 0.01),
    delayed(case("amr-nb.amr", "amr_nb", 8000, 1, 0.0, 0.05), 39),
    delayed(case("realaudio.ra", "ra_144", 8000, 1, 0.0, 0.05), 160),
    // Files of cameras, editors, broadcasts and collections.
    delayed(case("wma.wma", "wmav2", 22050, 1, 6.0, 0.2), 1005),
    delayed(case("wma1.wma", "wmav1", 22050, 1, 6.0, 0.2), 1005),
    delayed(case("ac3.mkv", "ac3", 48000, 2, 6.0, 0.05), 256),
    delayed(case("ac3.ac3", "ac3", 48000, 2, 6.0, 0.05), 256),
    delayed(case("eac3.eac3", "eac3", 48000, 2, 6.0, 0.05), 256),
    delayed(case("dts.dts", "dts", 48000, 2, 6.0, 0.05), 512),
    delayed(case("aac.ts", "aac", 48000, 2, 6.0, 0.05), 1024),
    delayed(case("opus.ts", "opus", 48000, 2, 6.0, 0.05), 312),
    delayed(case("mp2.mpg", "mp2", 48000, 2, 6.0, 0.05), 481),
    delayed(case("mp3.avi", "mp3", 44100, 2, 6.0, 0.05), 1105),
    delayed(case("mp3.flv", "mp3", 44100, 2, 6.0, 0.05), 1105),
    delayed(case("nellymoser.flv", "nellymoser", 22050, 1, 6.0, 0.05), 128),
    case("w64.w64", "pcm_s16le", 16000, 2, 60.0, 0.01),
    case("wavpack.wv", "wavpack", 16000, 2, 60.0, 0.01),
    case("tta.tta", "tta", 16000, 2, 60.0, 0.01),
    delayed(case("latm.latm", "aac_latm", 48000, 2, 6.0, 0.05), 1024),
    case("flac.ogg", "flac", 44100, 2, 60.0, 0.01),
    case("flac.mkv", "flac", 44100, 2, 60.0, 0.01),
    case("alac.caf", "alac", 16000, 2, 60.0, 0.01),
    case("truehd.thd", "truehd", 48000, 2, 60.0, 0.01),
    case("adpcm.mov", "adpcm_ima_qt", 22050, 2, 10.0, 0.05),
    case("vorbis.webm", "vorbis", 48000, 2, 10.0, 0.05),
    case("ircam.sf", "pcm_s16le", 8000, 1, 60.0, 0.01),
    delayed(case("nut.nut", "mp3", 44100, 2, 6.0, 0.05), 1105),
];

#[test]
fn a_coder_of_voices_keeps_pitch_and_level() {
    let got = decode(&fixture("g7231.wav"), ChannelMode::Mix).unwrap();
    // Windows of 0.1 s, from the start of the chirp on.
    for (number, window) in got.channels[0].chunks_exact(1_600).enumerate().skip(1).take(6) {
        let crossings = window.windows(2).filter(|pair| (pair[0] < 0.0) != (pair[1] < 0.0)).count();
        let (pitch, time) = (crossings as f64 / 0.2, 0.1 * number as f64 + 0.05);
        let want = 300.0 + 1800.0 * time;
        assert!((pitch / want - 1.0).abs() < 0.25, "at {time:.2} s: {pitch} Hz instead of {want} Hz");
        let level = (window.iter().map(|sample| sample * sample).sum::<f32>() / window.len() as f32).sqrt();
        assert!((0.1..0.6).contains(&level), "at {time:.2} s: {level}");
    }
}

/// Delay in frames of the file, from -4000 to 4000, that gives the best signal-to-noise ratio, and that ratio.
fn best_delay(got: &[f32], signal: fn(f64) -> f64, rate: u32) -> (f64, i32) {
    let ratio = |delay: i32| {
        let late = f64::from(delay) / f64::from(rate);
        // A part of the signal tells.
        let want = sampled(|t| signal(t - late), SAMPLE_RATE, 0.3);
        snr(&got[..got.len().min(want.len())], &want, 1600)
    };
    let best = |delays: &mut dyn Iterator<Item = i32>| {
        delays.max_by(|&a, &b| ratio(a).total_cmp(&ratio(b))).unwrap_or_default()
    };
    let coarse = best(&mut (-4000..4000).step_by(8));
    let fine = best(&mut (coarse - 8..coarse + 8));
    (ratio(fine), fine)
}

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
                let (db, delay) = best_delay(&got.channels[channel], *signal, case.rate);
                wrong.push(format!(
                    "{} channel {channel}: {snr:.1} dB; {db:.1} dB with a delay of {delay} frames",
                    case.file
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
