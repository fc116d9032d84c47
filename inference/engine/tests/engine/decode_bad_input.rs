//! Decoding of damaged and unusual files: the failure reason of each, or the audio that can still be decoded.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use verbatim_fixtures::decoded;

use verbatim_engine::audio::{AudioError, AudioLimits, AudioStream, SAMPLE_RATE};
use verbatim_fixtures::decoded::{decode, decode_with};
use verbatim_fixtures::signal::{SECONDS, fixture, left, right, sampled, snr};
use verbatim_fixtures::wav::{Wav, file};
use verbatim_protocol::failure::{Failure, FailureReason};
use verbatim_protocol::task::ChannelMode;

fn outcome(name: &str, bytes: &[u8]) -> Result<decoded::DecodedFile, AudioError> {
    let (_dir, path) = file(name, bytes);
    decode(&path, ChannelMode::Mix)
}

#[track_caller]
fn assert_reason(name: &str, bytes: &[u8], reason: FailureReason) {
    match outcome(name, bytes) {
        Ok(got) => panic!("{name}: decoded {} s instead of failing with {reason}", got.seconds),
        Err(e) => assert_eq!(e.reason(), reason, "{name}: {e}"),
    }
}

/// Reproducible pseudo-random bytes (xorshift64).
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut x = seed;
    let step = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        (x >> 32) as u8
    };
    std::iter::repeat_with(step).take(len).collect()
}

fn speechlike(rate: u32) -> Vec<f32> {
    sampled(left, rate, SECONDS)
}

#[test]
fn a_file_without_bytes_is_empty() {
    assert_reason("a.wav", b"", FailureReason::Empty);
}

#[test]
fn a_header_without_samples_is_empty() {
    let wav = Wav::s16(16_000, &[vec![]]);
    assert_reason("a.wav", &wav.bytes(), FailureReason::Empty);
    let cut = Wav { data_len: Some(96_000), ..wav };
    assert_reason("a.wav", &cut.bytes(), FailureReason::Empty);
    let mut tagged = Wav::s16(16_000, &[vec![]]).bytes();
    tagged.extend(b"LIST\x04\0\0\0INFO");
    assert_reason("a.wav", &tagged, FailureReason::Empty);
}

#[test]
fn a_truncated_header_is_corrupt() {
    let wav = Wav::s16(16_000, &[speechlike(16_000)]).bytes();
    assert_reason("a.wav", &wav[..20], FailureReason::Corrupt);
    for name in ["flac.flac", "vorbis.ogg", "aac.m4a", "opus.webm", "caf.caf", "aiff.aiff"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        let error = outcome(name, &bytes[..24]).unwrap_err();
        assert_eq!(error.reason(), FailureReason::Corrupt, "{name}: {error}");
    }
}

#[test]
fn a_truncated_file_is_decoded_with_a_warning() {
    // (file, remaining bytes in percent, minimum seconds). M4A is not among them: its index comes after the
    // frames unless it was written for streaming, and without an index nothing can be decoded.
    let cases = [
        ("extensible-s24.wav", 50, 0.55),
        ("flac.flac", 50, 0.4),
        ("mp3.mp3", 50, 0.4),
        ("vorbis.ogg", 70, 0.1),
        ("opus.opus", 60, 0.4),
        ("opus.webm", 50, 0.4),
        ("vorbis.mka", 70, 0.1),
        ("aiff.aiff", 50, 0.55),
        ("rf64.wav", 50, 0.55),
        ("caf.caf", 50, 0.55),
    ];
    let mut wrong = Vec::new();
    for (name, percent, least) in cases {
        let bytes = std::fs::read(fixture(name)).unwrap();
        match outcome(name, &bytes[..bytes.len() * percent / 100]) {
            Ok(got) if got.warnings.is_empty() || got.seconds < least || got.seconds > 1.0 => {
                wrong.push(format!("{name}: {} s, {:?}", got.seconds, got.warnings));
            }
            Ok(_) => {}
            Err(e) => wrong.push(format!("{name}: {e}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_truncated_file_with_its_index_at_the_end_is_corrupt() {
    let bytes = std::fs::read(fixture("aac.m4a")).unwrap();
    assert_reason("aac.m4a", &bytes[..bytes.len() / 2], FailureReason::Corrupt);
}

#[test]
fn random_bytes_and_text_are_not_audio() {
    for seed in 1..=20 {
        assert_reason("noise.wav", &noise(200_000, seed), FailureReason::NotAudio);
    }
    let text = "It was the best of times, it was the worst of times.\n".repeat(400);
    assert_reason("text.mp3", text.as_bytes(), FailureReason::NotAudio);
    assert_reason("tiny.mp3", b"x", FailureReason::NotAudio);
    assert_reason(
        "raw.wav",
        &speechlike(8000).iter().flat_map(|s| s.to_le_bytes()).collect::<Vec<_>>(),
        FailureReason::NotAudio,
    );
}

#[test]
fn a_video_without_sound_has_no_audio_track() {
    for name in ["video-only.mp4", "video-only.webm"] {
        let error = decode(&fixture(name), ChannelMode::Mix).unwrap_err();
        assert_eq!(error.reason(), FailureReason::NoAudioTrack, "{name}: {error}");
    }
}

#[test]
fn unsupported_formats_are_named() {
    // A WAVE file with a format tag that nobody has assigned.
    let mut bytes = Wav::s16(8000, &[speechlike(8000)]).bytes();
    bytes[20..22].copy_from_slice(&0x7777_u16.to_le_bytes());
    let error = outcome("a.wav", &bytes).unwrap_err();
    assert_eq!(error.reason(), FailureReason::UnsupportedCodec, "{error}");
    assert_eq!(error.to_string(), "WAV with format tag 0x7777 is not supported");
}

#[test]
fn fifty_milliseconds_are_decoded_completely() {
    let samples = sampled(right, 44_100, 0.05);
    let got = outcome("a.wav", &Wav::s16(44_100, &[samples]).bytes()).unwrap();
    assert_eq!(got.channels[0].len(), 800);
    assert!((got.seconds - 0.05).abs() < 1e-9);
    assert!(snr(&got.channels[0], &sampled(right, SAMPLE_RATE, 0.05), 100) > 30.0);
}

#[test]
fn a_wrong_length_in_a_wav_header_is_tolerated() {
    let samples = speechlike(8000);
    let whole = outcome("a.wav", &Wav::s16(8000, std::slice::from_ref(&samples)).bytes()).unwrap();
    for (riff_len, data_len, warned) in [
        (0, 0, false),
        (u32::MAX, u32::MAX, false),
        (36, 0x7fff_f000, false),
        (u32::MAX - 7, u32::MAX - 43, true),
        (50_000, 40_000, true),
        (7, 19_201, false),
    ] {
        let wav = Wav {
            riff_len: Some(riff_len),
            data_len: Some(data_len),
            ..Wav::s16(8000, std::slice::from_ref(&samples))
        };
        let got = outcome("a.wav", &wav.bytes()).unwrap();
        assert_eq!(got.channels, whole.channels, "data length {data_len:#x}");
        assert_eq!(!got.warnings.is_empty(), warned, "data length {data_len:#x}: {:?}", got.warnings);
    }
    // An incomplete last sample is dropped.
    let mut odd = Wav::s16(8000, &[samples]).bytes();
    odd.pop();
    assert_eq!(outcome("a.wav", &odd).unwrap().channels[0].len(), whole.channels[0].len() - 2);
}

#[test]
fn impossible_sample_rates_and_channel_counts_are_rejected() {
    for rate in [0, 1, 3999, 767_999, 768_001, 3_000_000, u32::MAX] {
        let wav = Wav { rate, ..Wav::s16(8000, &[speechlike(8000)]) };
        assert_reason("a.wav", &wav.bytes(), FailureReason::UnsupportedAudio);
    }
    for channels in [0, 65, u16::MAX] {
        let wav = Wav { channels, ..Wav::s16(8000, &[speechlike(8000)]) };
        assert_reason("a.wav", &wav.bytes(), FailureReason::UnsupportedAudio);
    }
}

#[test]
fn thirty_two_channels_are_mixed_or_split() {
    let channels: Vec<Vec<f32>> =
        (0..32).map(|c| if c == 7 { speechlike(16_000) } else { vec![0.0; 19_200] }).collect();
    let (_dir, path) = file("a.wav", &Wav::f32(16_000, &channels).bytes());
    let split = decode(&path, ChannelMode::Split).unwrap();
    assert_eq!(split.channels, channels);
    assert_eq!(decode(&path, ChannelMode::Only(7)).unwrap().channels, [channels[7].clone()]);
    let none = decode(&path, ChannelMode::Only(32)).unwrap_err();
    assert_eq!(none.reason(), FailureReason::UnsupportedAudio);
    assert!(none.to_string().contains("no channel 32") && none.to_string().contains("has 32"), "{none}");
    let mixed = decode(&path, ChannelMode::Mix).unwrap();
    assert!(snr(&mixed.channels[0], &channels[7], 0) > 20.0);
}

#[test]
fn nan_and_infinity_become_silence() {
    let mut samples = speechlike(16_000);
    (samples[100], samples[200], samples[300]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
    (samples[400], samples[500]) = (1e30, -1e30);
    let got = outcome("a.wav", &Wav::f32(16_000, std::slice::from_ref(&samples)).bytes()).unwrap();
    (samples[100], samples[200], samples[300], samples[400], samples[500]) = (0.0, 0.0, 0.0, 4.0, -4.0);
    assert_eq!(got.channels[0], samples);
}

#[test]
fn damage_in_the_middle_costs_only_the_damaged_part() {
    for name in ["mp3.mp3", "flac.flac", "adts.aac"] {
        let mut bytes = std::fs::read(fixture(name)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 600].fill(0);
        let (_dir, path) = file(name, &bytes);
        let got = decode(&path, ChannelMode::Split).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(got.seconds > 0.9, "{name}: {} s, {:?}", got.seconds, got.warnings);
        // The start is intact. ADTS has no field for the encoder's delay of 1024 frames.
        let late = if name == "adts.aac" { 1024.0 / 48_000.0 } else { 0.0 };
        let want = sampled(|t| left(t - late), SAMPLE_RATE, 0.4);
        let snr = snr(&got.channels[0], &want, 600);
        // This AAC encoder leaves 8.6 dB, also as decoded by ffmpeg; an offset of one frame would leave -3
        // dB.
        assert!(snr > 6.0, "{name}: {snr} dB");
    }
}

#[test]
fn damage_in_a_block_of_adpcm_costs_only_the_block() {
    let mut bytes = std::fs::read(fixture("adpcm-ms.wav")).unwrap();
    let data = bytes.windows(4).position(|w| w == b"data").unwrap() + 8;
    let block = data + 2 * 1024;
    bytes[block + 14..block + 1024].fill(0x88);
    let (_dir, path) = file("a.wav", &bytes);
    let got = decode(&path, ChannelMode::Split).unwrap();
    assert!((got.seconds - SECONDS).abs() < 0.1, "{} s", got.seconds);
    let want = sampled(left, SAMPLE_RATE, 0.05);
    assert!(snr(&got.channels[0], &want, 100) > 15.0);
}

#[test]
fn missing_files_folders_and_devices_have_different_reasons() {
    let dir = tempfile::tempdir().unwrap();
    let open = |path: &std::path::Path| decode(path, ChannelMode::Mix).unwrap_err().reason();
    assert_eq!(open(&dir.path().join("none.wav")), FailureReason::NotFound);
    assert_eq!(open(dir.path()), FailureReason::NotAudio);
    assert_eq!(open(std::path::Path::new("/dev/zero")), FailureReason::NotAudio);
}

#[test]
fn a_file_without_permission_is_reported_as_such() {
    let (_dir, path) = file("a.wav", &Wav::s16(8000, &[speechlike(8000)]).bytes());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&path).is_ok() {
        // Root may read everything: only the mapping of the error can be tested.
        eprintln!("running as root: opening the file is not tested");
        let error = AudioError::from_io(std::io::ErrorKind::PermissionDenied.into(), None);
        assert_eq!(error.reason(), FailureReason::PermissionDenied);
    } else {
        assert_eq!(decode(&path, ChannelMode::Mix).unwrap_err().reason(), FailureReason::PermissionDenied);
    }
}

/// 20 s of audio: far more than the buffers hold.
fn long_wav() -> Vec<u8> {
    Wav::s16(16_000, &[sampled(left, 16_000, 20.0)]).bytes()
}

#[test]
fn a_file_deleted_while_it_is_read_is_read_to_its_end() {
    let (_dir, path) = file("a.wav", &long_wav());
    let mut stream = AudioStream::open(&path, ChannelMode::Mix, &AudioLimits::default()).unwrap();
    std::fs::remove_file(&path).unwrap();
    let mut frames = 0;
    while let Some(block) = stream.next_block().unwrap() {
        frames += block[0].len();
    }
    assert_eq!(frames, 320_000);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_an_error_with_its_position() {
    let shrink = |f: &mut std::fs::File| f.set_len(300_000).unwrap();
    let grow = |f: &mut std::fs::File| {
        f.seek(SeekFrom::End(0)).unwrap();
        f.write_all(&[0; 100]).unwrap();
    };
    for change in [&shrink as &dyn Fn(&mut std::fs::File), &grow] {
        let (_dir, path) = file("a.wav", &long_wav());
        let mut stream = AudioStream::open(&path, ChannelMode::Mix, &AudioLimits::default()).unwrap();
        stream.next_block().unwrap().unwrap();
        change(&mut std::fs::OpenOptions::new().write(true).open(&path).unwrap());
        let error = loop {
            match stream.next_block() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the change was not noticed"),
                Err(e) => break e,
            }
        };
        let failure = Failure::from(error);
        assert_eq!(failure.reason, FailureReason::SourceChanged);
        assert!(failure.position_seconds.unwrap() > 5.0, "{failure:?}");
        assert!(stream.next_block().unwrap().is_none(), "the stream ends after an error");
    }
}

#[test]
fn too_long_audio_fails_at_the_limit() {
    let (_dir, path) = file("a.wav", &long_wav());
    let limits = |seconds| AudioLimits { max_seconds: Some(seconds) };
    let error = decode_with(&path, ChannelMode::Mix, &limits(3.0)).unwrap_err();
    assert_eq!((error.reason(), error.position()), (FailureReason::TooLong, Some(3.0)));
    assert!(decode_with(&path, ChannelMode::Mix, &limits(20.0)).is_ok());
}

#[test]
fn chained_streams_with_different_rates_are_concatenated() {
    let got = decode(&fixture("chained.ogg"), ChannelMode::Mix).unwrap();
    assert!((got.seconds - 2.4).abs() < 0.01, "{} s", got.seconds);
    assert!((got.channels[0].len() as f64 - 2.4 * 16_000.0).abs() < 160.0);
    // The first stream is stereo, and mixed by the levels of its channels.
    let gain = 0.4_f64.powi(2) / (0.4_f64.powi(2) + 0.3_f64.powi(2) * 0.44);
    let first = sampled(|t| gain * left(t) + (1.0 - gain) * right(t), SAMPLE_RATE, SECONDS);
    assert!(snr(&got.channels[0][..19_000], &first, 800) > 6.0);
    let second = sampled(left, SAMPLE_RATE, SECONDS);
    let start = got.channels[0].len() - second.len();
    assert!(snr(&got.channels[0][start..], &second, 800) > 12.0);
    let error = decode(&fixture("chained.ogg"), ChannelMode::Split).unwrap_err();
    assert_eq!(error.reason(), FailureReason::UnsupportedAudio);
    assert!(error.position().is_some_and(|p| (p - 1.2).abs() < 0.1), "{error:?}");
}

#[test]
fn a_picture_of_megabytes_before_an_mp3_is_skipped() {
    let mut tag = b"ID3\x03\0\0".to_vec();
    let frame = [b"APIC".as_slice(), &0x0020_0000_u32.to_be_bytes(), b"\0\0", &noise(0x20_0000, 9)].concat();
    let len = frame.len() as u32;
    tag.extend([(len >> 21) & 127, (len >> 14) & 127, (len >> 7) & 127, len & 127].map(|b| b as u8));
    tag.extend(frame);
    tag.extend(std::fs::read(fixture("mp3.mp3")).unwrap());
    let got = outcome("a.mp3", &tag).unwrap();
    assert!((got.seconds - SECONDS).abs() < 0.001, "{}", got.seconds);
}
