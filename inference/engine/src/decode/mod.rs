//! From a file to blocks of samples at the file's own rate.
//!
//! A block is what one packet decodes to, so memory does not grow with the file. Damage inside the file costs
//! what it damages: a packet that cannot be decoded becomes silence of its length, a file that ends too early
//! ends there, both with a warning. Only a file of which nothing could be decoded is an error.

mod demux;
mod ending;
mod error;
mod guard;
mod probe;
mod sniff;
mod source;
mod wav;

use std::path::Path;

use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::errors::Error;
use symphonia::core::packet::Packet;

use demux::{Demuxer, Next};
pub use error::AudioError;
pub use probe::{AUDIO_EXTENSIONS, looks_like_audio};
use source::OpenFile;

/// Rates between the slowest that carries speech and the fastest that studio equipment writes, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=768_000;
/// Channels of the largest mixing desks.
const MAX_CHANNELS: usize = 64;
/// Packets in a row that may fail. MP3 at 26 ms a packet: 26 s of rubbish in the middle of a file are skipped.
const MAX_BAD_IN_A_ROW: u32 = 1000;
/// Packets in a row that may come without a byte being read; more is a loop in the demuxer. One Ogg page holds
/// up to 255 packets, one read-ahead of 32 KiB some 16 000 packets of 2 bytes.
const MAX_WITHOUT_READING: u32 = 100_000;
/// Samples beyond full scale. Lossy codecs overshoot by some decibels; 12 dB and more is damage.
const MAX_SAMPLE: f32 = 4.0;

/// Rate and channel count of a block, and of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Frames a second.
    pub rate: u32,
    /// Samples a frame.
    pub channels: usize,
}

/// Samples of one packet, finite and within [-4, 4], one vector for each channel.
#[derive(Debug)]
pub struct Block {
    /// What the samples are.
    pub spec: Spec,
    /// Samples by channel, all of one length.
    pub planes: Vec<Vec<f32>>,
}

/// An open audio file.
pub struct Decoder {
    file: OpenFile,
    demuxer: Demuxer,
    decoder: Box<dyn AudioDecoder>,
    codec: String,
    /// Of the last decoded block.
    spec: Option<Spec>,
    last_frames: u64,
    seconds: f64,
    frames: u64,
    bad_packets: u64,
    bad_in_a_row: u32,
    streams: u32,
    quiet: Quiet,
    first: Option<Block>,
    last_problem: Option<String>,
    warnings: Vec<String>,
    ended: bool,
}

/// Packets in a row during which nothing was read.
#[derive(Debug, Default)]
struct Quiet {
    bytes_read: u64,
    packets: u32,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("codec", &self.codec).field("seconds", &self.seconds).finish()
    }
}

/// Refuses what cannot be speech.
fn check_audio(rate: u32, channels: usize) -> Result<(), AudioError> {
    if !(1..=MAX_CHANNELS).contains(&channels) {
        return Err(AudioError::UnsupportedChannels { channels });
    }
    if !RATES.contains(&rate) {
        return Err(AudioError::UnsupportedRate { rate });
    }
    Ok(())
}

impl Decoder {
    /// Opens a file and decodes its first packet, so that its rate and channels are facts and not promises.
    pub fn open(path: &Path) -> Result<Self, AudioError> {
        let file = OpenFile::open(path)?;
        let (demuxer, decoder) = guard::catch(None, || Demuxer::open(&file))?;
        let codec = decoder.codec_info().short_name.to_owned();
        let mut this = Self {
            file,
            demuxer,
            decoder,
            codec,
            spec: None,
            last_frames: 0,
            seconds: 0.0,
            frames: 0,
            bad_packets: 0,
            bad_in_a_row: 0,
            streams: 1,
            quiet: Quiet::default(),
            first: None,
            last_problem: None,
            warnings: Vec::new(),
            ended: false,
        };
        this.first = this.read_on()?;
        match (&this.first, this.last_problem.take()) {
            (Some(_), _) => Ok(this),
            (None, Some(what)) => Err(AudioError::Corrupt { what, position: None }),
            (None, None) => Err(AudioError::NoFrames),
        }
    }

    /// Rate and channels of the file's first block.
    pub fn spec(&self) -> Spec {
        self.spec.unwrap_or(Spec { rate: 0, channels: 0 })
    }

    /// Short name of the codec.
    pub fn codec(&self) -> &str {
        &self.codec
    }

    /// Seconds of audio given out so far.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Bytes of the file read so far; no more than it has, but for what a demuxer reads twice.
    pub fn bytes_read(&self) -> u64 {
        self.demuxer.watch().bytes_read().min(self.file.len())
    }

    /// What was wrong and survived; complete after the end.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The next block, never empty; `None` at the end.
    pub fn next_block(&mut self) -> Result<Option<Block>, AudioError> {
        let block = match self.first.take() {
            Some(block) => Some(block),
            None => self.read_on()?,
        };
        if let Some(block) = &block {
            let frames = block.planes.first().map_or(0, Vec::len);
            self.frames += frames as u64;
            self.seconds += frames as f64 / f64::from(block.spec.rate);
        }
        Ok(block)
    }

    fn read_on(&mut self) -> Result<Option<Block>, AudioError> {
        while !self.ended {
            let position = Some(self.seconds).filter(|&s| s > 0.0);
            let next = guard::catch_plain(position, || self.demuxer.next());
            let block = match next {
                Ok(Ok(Next::Packet(packet))) => self.decode(&packet)?,
                Ok(Ok(Next::Other)) => None,
                Ok(Ok(Next::Damage)) => {
                    self.bad_packets += 1;
                    self.bad_in_a_row += 1;
                    None
                }
                Ok(Ok(Next::NewStream)) => {
                    self.decoder = guard::catch(position, || self.demuxer.decoder())?;
                    self.streams += 1;
                    None
                }
                Ok(Ok(Next::End)) => {
                    self.finish(None)?;
                    None
                }
                Ok(Err(e)) => {
                    self.finish(Some(&e))?;
                    None
                }
                Err(panic) => {
                    self.last_problem = Some(panic.to_string());
                    self.stop_damaged(panic)?;
                    None
                }
            };
            if !self.ended {
                self.check_progress()?;
            }
            if block.is_some() {
                return Ok(block);
            }
        }
        Ok(None)
    }

    /// Decodes a packet; damage becomes silence.
    fn decode(&mut self, packet: &Packet) -> Result<Option<Block>, AudioError> {
        let decoder = &mut self.decoder;
        let mut planes: Vec<Vec<f32>> = Vec::new();
        // libopus makes audio up for a packet without bytes; no codec has such packets.
        let outcome = if packet.data.is_empty() {
            Ok(Err(Error::DecodeError("a packet has no bytes")))
        } else {
            guard::catch_plain(None, || {
                decoder.decode(packet).map(|buffer| {
                    buffer.copy_to_vecs_planar(&mut planes);
                    Spec { rate: buffer.spec().rate(), channels: planes.len() }
                })
            })
        };
        let problem = match outcome {
            Ok(Ok(spec)) => {
                self.bad_in_a_row = 0;
                if planes.first().is_none_or(Vec::is_empty) {
                    return Ok(None);
                }
                check_audio(spec.rate, spec.channels)?;
                self.last_frames = planes[0].len() as u64;
                self.spec.get_or_insert(spec);
                planes.iter_mut().flatten().for_each(tame);
                return Ok(Some(Block { spec, planes }));
            }
            Ok(Err(Error::ResetRequired)) => return Ok(None),
            Ok(Err(e)) => e.to_string(),
            Err(panic) => {
                // Its state may be anything now.
                self.decoder.reset();
                panic.to_string()
            }
        };
        self.bad_packets += 1;
        self.bad_in_a_row += 1;
        self.last_problem = Some(problem);
        Ok(self.silence_for(packet))
    }

    /// Silence in place of a packet, so that later times stay right. Never more than the packet before had.
    fn silence_for(&self, packet: &Packet) -> Option<Block> {
        let spec = self.spec?;
        let frames = self.demuxer.frames_of(packet, spec.rate).min(self.last_frames);
        let frames = usize::try_from(frames).ok().filter(|&f| f > 0)?;
        Some(Block { spec, planes: vec![vec![0.0; frames]; spec.channels] })
    }

    fn check_progress(&mut self) -> Result<(), AudioError> {
        let bytes_read = self.demuxer.watch().bytes_read();
        if bytes_read != self.quiet.bytes_read {
            self.quiet = Quiet { bytes_read, packets: 0 };
        }
        self.quiet.packets += 1;
        let what = if self.bad_in_a_row >= MAX_BAD_IN_A_ROW {
            "nothing can be decoded any more"
        } else if self.quiet.packets >= MAX_WITHOUT_READING {
            "its index goes on without data"
        } else {
            return Ok(());
        };
        let position = Some(self.seconds).filter(|&s| s > 0.0);
        self.stop_damaged(AudioError::Corrupt { what: what.into(), position })
    }
}

fn tame(sample: &mut f32) {
    *sample = if sample.is_finite() { sample.clamp(-MAX_SAMPLE, MAX_SAMPLE) } else { 0.0 };
}
