//! Decoder of one file.
//!
//! A block holds what one packet decodes to, so memory does not grow with the file. Damage costs no more than
//! the damaged part: a packet that cannot be decoded becomes silence of the same length, and a file that is
//! cut ends early, both with a warning. Only a file of which nothing could be decoded is an error.

use std::path::Path;

use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::errors::Error;
use symphonia::core::packet::Packet;

use crate::audio::decode::catch_panic::{catch_panic, try_catch_panic};
use crate::audio::decode::demux::{Demuxer, Next};
use crate::audio::decode::end_of_stream;
use crate::audio::decode::source::OpenFile;
use crate::audio::error::AudioError;
use crate::audio::spec::AudioSpec;

/// Consecutive packets that may fail. With MP3, at 26 ms a packet, up to 26 s of garbage inside a file are
/// skipped.
const MAX_BAD_IN_A_ROW: u32 = 1000;
/// Consecutive packets without a byte being read; more indicate a loop in the demuxer. An Ogg page holds up
/// to 255 packets, a read-ahead of 32 KiB about 16 000 packets of 2 bytes.
const MAX_WITHOUT_READING: u32 = 100_000;
/// Maximum magnitude of samples; full scale is 1. Lossy codecs overshoot by some decibels; 12 dB and more
/// indicate damage.
const MAX_SAMPLE: f32 = 4.0;

/// Samples of one packet, finite and within [-4, 4].
#[derive(Debug)]
pub(crate) struct Block {
    /// Sample rate and channel count.
    pub(crate) spec: AudioSpec,
    /// Samples by channel, all of the same length.
    pub(crate) planes: Vec<Vec<f32>>,
}

/// Open audio file.
pub(crate) struct Decoder {
    file: OpenFile,
    demuxer: Demuxer,
    decoder: Box<dyn AudioDecoder>,
    codec: String,
    /// Spec of the first decoded block.
    spec: Option<AudioSpec>,
    /// Frames of the last decoded packet.
    last_frames: u64,
    seconds: f64,
    bad_packets: u64,
    bad_in_a_row: u32,
    streams: u32,
    stall: Stall,
    first: Option<Block>,
    last_problem: Option<String>,
    warnings: Vec<String>,
    ended: bool,
}

/// Consecutive packets without a byte being read.
#[derive(Debug, Default)]
struct Stall {
    bytes_read: u64,
    packets: u32,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("codec", &self.codec).field("seconds", &self.seconds).finish()
    }
}

impl Decoder {
    /// Opens a file and decodes its first packet, so that sample rate and channels do not come from the
    /// header alone.
    ///
    /// # Errors
    /// The file cannot be read, is not supported, or has no audio that can be decoded.
    pub(crate) fn open(path: &Path) -> Result<Self, AudioError> {
        let file = OpenFile::open(path)?;
        let (demuxer, decoder) = try_catch_panic(None, || Demuxer::open(&file))?;
        let codec = decoder.codec_info().short_name.to_owned();
        let mut this = Self {
            file,
            demuxer,
            decoder,
            codec,
            spec: None,
            last_frames: 0,
            seconds: 0.0,
            bad_packets: 0,
            bad_in_a_row: 0,
            streams: 1,
            stall: Stall::default(),
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

    /// Sample rate and channel count of the file's first block.
    pub(crate) fn spec(&self) -> AudioSpec {
        self.spec.unwrap_or(AudioSpec { rate: 0, channels: 0 })
    }

    /// Short name of the codec.
    pub(crate) fn codec(&self) -> &str {
        &self.codec
    }

    /// Seconds of audio returned so far.
    pub(crate) fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Bytes of the file read so far, at most its size, because a demuxer may read bytes twice.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.demuxer.log().bytes_read().min(self.file.len())
    }

    /// Problems that were not fatal; complete after the end.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Next block, never empty; `None` at the end.
    ///
    /// # Errors
    /// The file failed, changed, or cannot be decoded at all.
    pub(crate) fn next_block(&mut self) -> Result<Option<Block>, AudioError> {
        let block = match self.first.take() {
            Some(block) => Some(block),
            None => self.read_on()?,
        };
        if let Some(block) = &block {
            let frames = block.planes.first().map_or(0, Vec::len) as f64;
            self.seconds += frames / f64::from(block.spec.rate);
        }
        Ok(block)
    }

    fn read_on(&mut self) -> Result<Option<Block>, AudioError> {
        while !self.ended {
            let position = Some(self.seconds).filter(|&s| s > 0.0);
            let next = catch_panic(position, || self.demuxer.next());
            let block = match next {
                Ok(Ok(Next::Packet(packet))) => self.decode(&packet)?,
                Ok(Ok(Next::Other)) => None,
                Ok(Ok(Next::Damage)) => {
                    self.bad_packets += 1;
                    self.bad_in_a_row += 1;
                    None
                }
                Ok(Ok(Next::NewStream)) => {
                    self.decoder = try_catch_panic(position, || self.demuxer.decoder())?;
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

    /// Decodes a packet; a damaged one becomes silence.
    fn decode(&mut self, packet: &Packet) -> Result<Option<Block>, AudioError> {
        let decoder = &mut self.decoder;
        let mut planes: Vec<Vec<f32>> = Vec::new();
        // libopus invents audio for a packet without bytes; no codec has such packets.
        let outcome = if packet.data.is_empty() {
            Ok(Err(Error::DecodeError("a packet is empty")))
        } else {
            catch_panic(None, || {
                decoder.decode(packet).map(|buffer| {
                    buffer.copy_to_vecs_planar(&mut planes);
                    AudioSpec { rate: buffer.spec().rate(), channels: planes.len() }
                })
            })
        };
        let problem = match outcome {
            Ok(Ok(spec)) => {
                self.bad_in_a_row = 0;
                if planes.first().is_none_or(Vec::is_empty) {
                    return Ok(None);
                }
                spec.check()?;
                self.last_frames = planes[0].len() as u64;
                self.spec.get_or_insert(spec);
                planes.iter_mut().flatten().for_each(sanitise);
                return Ok(Some(Block { spec, planes }));
            }
            Ok(Err(Error::ResetRequired)) => return Ok(None),
            Ok(Err(e)) => e.to_string(),
            Err(panic) => {
                // The state of the decoder is unknown.
                self.decoder.reset();
                panic.to_string()
            }
        };
        self.bad_packets += 1;
        self.bad_in_a_row += 1;
        self.last_problem = Some(problem);
        Ok(self.silence_for(packet))
    }

    /// Silence in place of a packet, so that later times stay correct. Never longer than the last decoded
    /// packet.
    fn silence_for(&self, packet: &Packet) -> Option<Block> {
        let spec = self.spec?;
        let frames = self.demuxer.frames_of(packet, spec.rate).min(self.last_frames);
        let frames = usize::try_from(frames).ok().filter(|&f| f > 0)?;
        Some(Block { spec, planes: vec![vec![0.0; frames]; spec.channels] })
    }

    /// Ends the file, with the demuxer's error if it could not continue.
    fn finish(&mut self, cause: Option<&Error>) -> Result<(), AudioError> {
        self.ended = true;
        let damage = end_of_stream::damage(cause, &self.file, self.demuxer.log(), self.seconds)?;
        if let Some(damage) = &damage {
            if self.seconds > 0.0 {
                self.warnings.push(format!("damaged: {damage}; {:.1} s could be decoded", self.seconds));
            }
            self.last_problem = Some(damage.clone());
        }
        self.add_final_warnings();
        Ok(())
    }

    /// Ends the file after damage that the demuxer did not notice itself. Fails if nothing was decoded.
    fn stop_damaged(&mut self, error: AudioError) -> Result<(), AudioError> {
        self.ended = true;
        if self.file.changed() {
            return Err(AudioError::SourceChanged { position: self.seconds });
        }
        if self.seconds == 0.0 && self.spec.is_none() {
            return Err(error);
        }
        self.warnings.push(format!("{error}; {:.1} s could be decoded", self.seconds));
        self.add_final_warnings();
        Ok(())
    }

    fn add_final_warnings(&mut self) {
        // In a chain of streams the header describes only the first.
        let promised_frames = self.demuxer.promised_frames().filter(|_| self.streams == 1);
        let promised =
            self.spec.zip(promised_frames).map(|(spec, frames)| frames as f64 / f64::from(spec.rate));
        self.warnings.extend(end_of_stream::warnings(self.bad_packets, promised, self.seconds));
    }

    /// Ends a file that no longer makes progress.
    fn check_progress(&mut self) -> Result<(), AudioError> {
        let bytes_read = self.demuxer.log().bytes_read();
        if bytes_read != self.stall.bytes_read {
            self.stall = Stall { bytes_read, packets: 0 };
        }
        self.stall.packets += 1;
        let problem = if self.bad_in_a_row >= MAX_BAD_IN_A_ROW {
            "no further packet can be decoded"
        } else if self.stall.packets >= MAX_WITHOUT_READING {
            "its index continues without data"
        } else {
            return Ok(());
        };
        let position = Some(self.seconds).filter(|&s| s > 0.0);
        self.stop_damaged(AudioError::Corrupt { what: problem.into(), position })
    }
}

/// Replaces samples that are not finite by silence, and clips the others.
fn sanitise(sample: &mut f32) {
    *sample = if sample.is_finite() { sample.clamp(-MAX_SAMPLE, MAX_SAMPLE) } else { 0.0 };
}
