//! The signal of the fixtures, computed; WAV files made to order; measures of likeness.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of this")]

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

use verbatim::engine::audio::{AudioError, AudioLimits, AudioStream};
use verbatim::engine::job::ChannelMode;

/// Length of the fixtures' signal in seconds.
pub const SECONDS: f64 = 1.2;

/// Path of a committed fixture.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/audio").join(name)
}

/// Left channel of the fixtures' signal: a chirp from 300 to 2460 Hz.
pub fn left(t: f64) -> f64 {
    0.4 * (TAU * (300.0 * t + 900.0 * t * t)).sin()
}

/// Right channel: 500 Hz with a tremolo.
pub fn right(t: f64) -> f64 {
    0.3 * (TAU * 500.0 * t).sin() * (0.6 + 0.4 * (TAU * 3.0 * t).sin())
}

/// A signal sampled at `rate` Hz.
pub fn sampled(signal: impl Fn(f64) -> f64, rate: u32, seconds: f64) -> Vec<f32> {
    let frames = (seconds * f64::from(rate)).round() as usize;
    (0..frames).map(|n| signal(n as f64 / f64::from(rate)) as f32).collect()
}

/// All of a file, and what the stream said.
#[derive(Debug)]
pub struct Drained {
    pub channels: Vec<Vec<f32>>,
    pub seconds: f64,
    pub warnings: Vec<String>,
    pub info: verbatim::output::transcript::Audio,
    pub longest_block: usize,
}

/// Reads a file to its end.
pub fn drain(path: &Path, mode: ChannelMode) -> Result<Drained, AudioError> {
    drain_with(path, mode, &AudioLimits::default())
}

/// As [`drain`], with limits.
pub fn drain_with(path: &Path, mode: ChannelMode, limits: &AudioLimits) -> Result<Drained, AudioError> {
    let mut stream = AudioStream::open(path, mode, limits)?;
    let mut channels = vec![Vec::new(); stream.output_channels()];
    let mut longest_block = 0;
    while let Some(block) = stream.next_block()? {
        assert!(!block[0].is_empty(), "a block is never empty");
        assert!(block.iter().all(|c| c.len() == block[0].len()), "channels of a block have one length");
        longest_block = longest_block.max(block[0].len());
        channels.iter_mut().zip(block).for_each(|(all, new)| all.extend(new));
    }
    Ok(Drained {
        channels,
        seconds: stream.seconds(),
        warnings: stream.warnings().to_vec(),
        info: stream.info().clone(),
        longest_block,
    })
}

/// Signal-to-noise ratio in decibels of `got` against `want`, over their common length less `margin` frames at
/// both ends.
pub fn snr(got: &[f32], want: &[f32], margin: usize) -> f64 {
    let len = got.len().min(want.len());
    let pairs = got[..len].iter().zip(&want[..len]).skip(margin).take(len - 2 * margin);
    let (mut signal, mut noise) = (0.0, 0.0);
    for (&g, &w) in pairs {
        signal += f64::from(w).powi(2);
        noise += f64::from(g - w).powi(2);
    }
    10.0 * (signal / noise.max(1e-20)).log10()
}

/// A WAVE file: what its header says, and its samples' bytes.
pub struct Wav {
    pub tag: u16,
    pub channels: u16,
    pub rate: u32,
    pub bits: u16,
    pub riff_len: Option<u32>,
    pub data_len: Option<u32>,
    pub data: Vec<u8>,
}

impl Wav {
    /// 16-bit samples, interleaved from channels.
    pub fn s16(rate: u32, channels: &[Vec<f32>]) -> Self {
        let data = interleave(channels).flat_map(|s| ((s * 32767.0).round() as i16).to_le_bytes()).collect();
        Self { tag: 1, channels: channels.len() as u16, rate, bits: 16, riff_len: None, data_len: None, data }
    }

    /// 32-bit floats, interleaved from channels.
    pub fn f32(rate: u32, channels: &[Vec<f32>]) -> Self {
        let data = interleave(channels).flat_map(f32::to_le_bytes).collect();
        Self { tag: 3, channels: channels.len() as u16, rate, bits: 32, riff_len: None, data_len: None, data }
    }

    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let align = self.channels.wrapping_mul(self.bits / 8);
        let len = self.data.len() as u32;
        let mut file = b"RIFF".to_vec();
        file.extend(self.riff_len.unwrap_or(36 + len).to_le_bytes());
        file.extend(b"WAVEfmt \x10\0\0\0");
        file.extend(self.tag.to_le_bytes());
        file.extend(self.channels.to_le_bytes());
        file.extend(self.rate.to_le_bytes());
        file.extend(self.rate.wrapping_mul(u32::from(align)).to_le_bytes());
        file.extend(align.to_le_bytes());
        file.extend(self.bits.to_le_bytes());
        file.extend(b"data");
        file.extend(self.data_len.unwrap_or(len).to_le_bytes());
        file.extend(&self.data);
        file
    }
}

fn interleave(channels: &[Vec<f32>]) -> impl Iterator<Item = f32> + '_ {
    (0..channels[0].len()).flat_map(move |n| channels.iter().map(move |c| c[n]))
}

/// Writes a file into a fresh folder; the folder goes when the first value is dropped.
pub fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}
