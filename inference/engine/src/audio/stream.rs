//! Audio of a file as a stream of 16 kHz blocks: decodes, mixes or splits channels, resamples. Blocks have a
//! bounded size.

use std::collections::VecDeque;
use std::path::Path;

use crate::audio::decode::decoder::{Block, Decoder};
use crate::audio::error::AudioError;
use crate::audio::resample::Resampler;
use verbatim_protocol::task::ChannelMode;
use verbatim_protocol::transcript::Audio;

/// Frames of a block from [`AudioStream::next_block`]: half a second. Long enough that the overhead of a call
/// is negligible, short enough that ten streams hold less than a megabyte.
const BLOCK_FRAMES: usize = 8_000;

/// Limits for one file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AudioLimits {
    /// Maximum duration in seconds; a longer file fails with `TooLong`. `None`: no limit.
    pub max_seconds: Option<f64>,
}

/// Audio of a file at 16 kHz.
#[derive(Debug)]
pub struct AudioStream {
    decoder: Decoder,
    mode: ChannelMode,
    limits: AudioLimits,
    info: Audio,
    resampler: Resampler,
    ready: Vec<VecDeque<f32>>,
    ended: bool,
}

impl AudioStream {
    /// Opens a file: finds its audio track and decodes the first packet.
    ///
    /// # Errors
    /// Any [`AudioError`] but `TooLong`, `ChannelsChanged` and `SourceChanged`. A file without audio frames
    /// fails here.
    pub fn open(path: &Path, mode: ChannelMode, limits: &AudioLimits) -> Result<Self, AudioError> {
        let decoder = Decoder::open(path)?;
        let spec = decoder.spec();
        let outputs = match mode {
            ChannelMode::Mix => 1,
            ChannelMode::Split => spec.channels,
            ChannelMode::Only(channel) if usize::from(channel) < spec.channels => 1,
            ChannelMode::Only(channel) => {
                return Err(AudioError::NoSuchChannel { channel, channels: spec.channels });
            }
        };
        let info = Audio {
            duration_seconds: 0.0,
            sample_rate: spec.rate,
            channels: u16::try_from(spec.channels).unwrap_or(u16::MAX),
            codec: decoder.codec().to_owned(),
        };
        Ok(Self {
            resampler: Resampler::new(spec.rate, outputs)?,
            ready: vec![VecDeque::new(); outputs],
            decoder,
            mode,
            limits: *limits,
            info,
            ended: false,
        })
    }

    /// Sample rate, channels and codec of the file; the duration is that of the audio decoded so far.
    pub fn info(&self) -> &Audio {
        &self.info
    }

    /// Number of output channels: that of the file if channels are split, else 1.
    pub fn output_channels(&self) -> usize {
        self.ready.len()
    }

    /// Next samples at 16 kHz: one vector per output channel, all of the same length, half a second except
    /// for the last block. `None` at the end.
    ///
    /// # Errors
    /// The audio is too long, the file failed or changed while it was read, or the number of channels changes
    /// while channels are split. The stream ends after an error.
    pub fn next_block(&mut self) -> Result<Option<Vec<Vec<f32>>>, AudioError> {
        while !self.ended && self.ready[0].len() < BLOCK_FRAMES {
            if let Err(e) = self.advance() {
                self.ended = true;
                self.ready.iter_mut().for_each(VecDeque::clear);
                return Err(e);
            }
        }
        let frames = self.ready[0].len().min(BLOCK_FRAMES);
        if frames == 0 {
            return Ok(None);
        }
        Ok(Some(self.ready.iter_mut().map(|r| r.drain(..frames).collect()).collect()))
    }

    /// Seconds of audio decoded so far, from the number of frames of the file.
    pub fn seconds(&self) -> f64 {
        self.decoder.seconds()
    }

    /// Bytes of the file read so far, at most its size.
    pub fn bytes_read(&self) -> u64 {
        self.decoder.bytes_read()
    }

    /// Problems of the file that were not fatal; complete after the end.
    pub fn warnings(&self) -> &[String] {
        self.decoder.warnings()
    }

    fn advance(&mut self) -> Result<(), AudioError> {
        let Some(block) = self.decoder.next_block()? else {
            self.ended = true;
            return self.resampler.flush(&mut self.ready);
        };
        self.info.duration_seconds = self.decoder.seconds();
        if let Some(limit_seconds) = self.limits.max_seconds.filter(|&l| self.decoder.seconds() > l) {
            return Err(AudioError::TooLong { limit_seconds });
        }
        let rate = block.spec.rate;
        let planes = self.select_channels(block)?;
        if rate != self.resampler.rate() {
            // A chained stream with another sample rate follows.
            self.resampler.flush(&mut self.ready)?;
            self.resampler = Resampler::new(rate, self.ready.len())?;
        }
        self.resampler.push(&planes, &mut self.ready)
    }

    /// Samples of a block by output channel.
    fn select_channels(&self, block: Block) -> Result<Vec<Vec<f32>>, AudioError> {
        let (from, to) = (usize::from(self.info.channels), block.planes.len());
        match self.mode {
            ChannelMode::Mix => Ok(vec![mix(block.planes)]),
            ChannelMode::Split if from == to => Ok(block.planes),
            ChannelMode::Only(channel) if from == to => {
                Ok(block.planes.into_iter().skip(channel.into()).take(1).collect())
            }
            ChannelMode::Split | ChannelMode::Only(_) => {
                Err(AudioError::ChannelsChanged { from, to, position: self.decoder.seconds() })
            }
        }
    }
}

/// Mean of all channels.
fn mix(planes: Vec<Vec<f32>>) -> Vec<f32> {
    let share = 1.0 / planes.len() as f32;
    let mut planes = planes.into_iter();
    let mut sum = planes.next().unwrap_or_default();
    let more = planes.len() > 0;
    for plane in planes {
        sum.iter_mut().zip(&plane).for_each(|(sum, sample)| *sum += sample);
    }
    if more {
        sum.iter_mut().for_each(|sample| *sample *= share);
    }
    sum
}
