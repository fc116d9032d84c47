//! Audio of a file as a stream of 16 kHz blocks: decodes, mixes or splits channels, resamples. Blocks have a
//! bounded size.

use std::collections::VecDeque;
use std::path::Path;

use crate::audio::decode::decoder::{Block, Decoder};
use crate::audio::error::AudioError;
use crate::audio::mix::Mixer;
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

/// Sample rate and positions of channels.
type Layout = (u32, Vec<i32>);

/// Seconds in which channels are each other's inverse that are worth a warning.
const INVERTED_WARNING: f64 = 1.0;

/// Audio of a file at 16 kHz.
#[derive(Debug)]
pub struct AudioStream {
    decoder: Decoder,
    mode: ChannelMode,
    limits: AudioLimits,
    info: Audio,
    /// Mixer of the channels, if there are several and they are to be mixed, and the layout that it mixes.
    mixer: Option<(Mixer, Layout)>,
    inverted_seconds: f64,
    warnings: Vec<String>,
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
            mixer: None,
            inverted_seconds: 0.0,
            warnings: Vec::new(),
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

    /// Expected duration in seconds, by the header or estimated from the size of the file.
    pub fn expected_seconds(&self) -> Option<f64> {
        self.decoder.expected_seconds()
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
        &self.warnings
    }

    fn advance(&mut self) -> Result<(), AudioError> {
        let Some(block) = self.decoder.next_block()? else {
            self.ended = true;
            self.flush_mixer()?;
            self.resampler.flush(&mut self.ready)?;
            self.warnings = self.decoder.warnings().to_vec();
            if self.inverted_seconds >= INVERTED_WARNING {
                self.warnings.push(format!(
                    "channels cancel each other for {:.1} s: one of them was inverted before they were mixed",
                    self.inverted_seconds
                ));
            }
            return Ok(());
        };
        self.info.duration_seconds = self.decoder.seconds();
        if let Some(limit_seconds) = self.limits.max_seconds.filter(|&l| self.decoder.seconds() > l) {
            return Err(AudioError::TooLong { limit_seconds });
        }
        let rate = block.spec.rate;
        let planes = match self.mode {
            ChannelMode::Mix => vec![self.mix(block)?],
            ChannelMode::Split | ChannelMode::Only(_) => self.select_channels(block)?,
        };
        self.set_rate(rate)?;
        self.resampler.push(&planes, &mut self.ready)
    }

    /// Samples of the output channels, if channels are not mixed.
    fn select_channels(&self, block: Block) -> Result<Vec<Vec<f32>>, AudioError> {
        let (from, to) = (usize::from(self.info.channels), block.planes.len());
        match self.mode {
            ChannelMode::Only(channel) if from == to => {
                Ok(block.planes.into_iter().skip(channel.into()).take(1).collect())
            }
            _ if from == to => Ok(block.planes),
            _ => Err(AudioError::ChannelsChanged { from, to, position: self.decoder.seconds() }),
        }
    }

    /// Mixes a block. The result may be shorter or longer than the block, since the mixer looks ahead.
    fn mix(&mut self, mut block: Block) -> Result<Vec<f32>, AudioError> {
        let layout = (block.spec.rate, block.positions);
        if self.mixer.as_ref().is_some_and(|(_, before)| *before != layout) {
            self.flush_mixer()?;
        }
        if block.planes.len() == 1 {
            return Ok(block.planes.swap_remove(0));
        }
        let (mixer, _) = self.mixer.get_or_insert_with(|| (Mixer::new(layout.0, &layout.1), layout));
        let mut mixed = Vec::new();
        mixer.push(&block.planes, &mut mixed);
        Ok(mixed)
    }

    /// Passes on what the mixer still holds, and removes it.
    fn flush_mixer(&mut self) -> Result<(), AudioError> {
        let Some((mut mixer, (rate, _))) = self.mixer.take() else { return Ok(()) };
        let mut rest = Vec::new();
        mixer.flush(&mut rest);
        self.inverted_seconds += mixer.inverted_seconds();
        self.set_rate(rate)?;
        self.resampler.push(&[rest], &mut self.ready)
    }

    /// Continues with another sample rate, as in a chained stream.
    fn set_rate(&mut self, rate: u32) -> Result<(), AudioError> {
        if rate != self.resampler.rate() {
            self.resampler.flush(&mut self.ready)?;
            self.resampler = Resampler::new(rate, self.ready.len())?;
        }
        Ok(())
    }
}
