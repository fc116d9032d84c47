//! A file as 16 kHz samples: decode, mix or keep apart, resample, in blocks of bounded size.

use std::collections::VecDeque;
use std::path::Path;

pub use crate::decode::{AUDIO_EXTENSIONS, AudioError, looks_like_audio};
use crate::decode::{Block, Decoder};
use crate::resample::Resampler;
use verbatim_protocol::task::ChannelMode;
use verbatim_protocol::transcript::Audio;

/// Sample rate of everything after decode: what voice activity detection and the models take, in Hz.
pub const SAMPLE_RATE: u32 = 16_000;

/// Frames of the blocks that [`AudioStream::next_block`] gives: half a second. Long enough that a call costs
/// nothing beside its samples, short enough that ten streams hold less than a megabyte.
const BLOCK_FRAMES: usize = 8_000;

/// Limits on one file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AudioLimits {
    /// Longest audio in seconds; beyond it the file fails as `TooLong`. `None`: no limit.
    pub max_seconds: Option<f64>,
}

/// A file's audio at 16 kHz.
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
    /// Opens a file: finds its audio track and decodes its first packet.
    ///
    /// # Errors
    /// All but `TooLong`, `ChannelsChanged` and `SourceChanged`; a file without audio frames is an error here.
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

    /// Rate, channels and codec of the file; the duration is what was decoded so far.
    pub fn info(&self) -> &Audio {
        &self.info
    }

    /// Streams that come out: the file's channels where they are kept apart, else 1.
    pub fn output_channels(&self) -> usize {
        self.ready.len()
    }

    /// The next samples at 16 kHz: one vector for each output channel, all of one length, half a second but for
    /// the last. `None` at the end.
    ///
    /// # Errors
    /// The audio is longer than allowed, the file failed or changed underneath, or its channels change while they
    /// are to be kept apart. Nothing more comes after an error.
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

    /// Seconds of audio decoded so far, counted in frames of the file.
    pub fn seconds(&self) -> f64 {
        self.decoder.seconds()
    }

    /// Bytes of the file read so far, at most its length.
    pub fn bytes_read(&self) -> u64 {
        self.decoder.bytes_read()
    }

    /// What was wrong with the file but not fatal, in words; complete after the end.
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
        let planes = self.arrange(block)?;
        if rate != self.resampler.rate() {
            // A chained stream of another rate: the first ends here, the second goes on after it.
            self.resampler.flush(&mut self.ready)?;
            self.resampler = Resampler::new(rate, self.ready.len())?;
        }
        self.resampler.push(&planes, &mut self.ready)
    }

    /// One plane for each output channel.
    fn arrange(&self, block: Block) -> Result<Vec<Vec<f32>>, AudioError> {
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

/// The mean of all channels.
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
