//! Decoder of one file.
//!
//! A block holds what one packet decodes to, so memory does not grow with the file. Damage costs no more than
//! the damaged part: a packet that cannot be decoded becomes silence of the same length, and a file that is
//! cut ends early, both with a warning. Only a file of which nothing could be decoded is an error.

use std::path::Path;

use verbatim_ffmpeg::{Error, Received};

use crate::audio::decode::demux::{Demuxer, Next};
use crate::audio::decode::end_of_stream;
use crate::audio::decode::source::OpenFile;
use crate::audio::decode::stall::Stall;
use crate::audio::decode::timeline::{AudioClock, Timeline};
use crate::audio::error::AudioError;
use crate::audio::spec::AudioSpec;

/// Maximum magnitude of samples; full scale is 1. Lossy codecs overshoot by some decibels; 12 dB and more
/// indicate damage.
const MAX_SAMPLE: f32 = 4.0;

/// Maximum seconds of a block of silence.
const SILENCE_BLOCK: f64 = 1.0;

/// Samples of one packet, finite and within [-4, 4].
#[derive(Debug)]
pub(crate) struct Block {
    /// Sample rate and channel count.
    pub(crate) spec: AudioSpec,
    /// Position of each channel, as FFmpeg numbers them (`AVChannel`).
    pub(crate) positions: Vec<i32>,
    /// Samples by channel, all of the same length.
    pub(crate) planes: Vec<Vec<f32>>,
}

/// Open audio file.
pub(crate) struct Decoder {
    file: OpenFile,
    demuxer: Demuxer,
    decoder: verbatim_ffmpeg::Decoder,
    codec: String,
    /// Spec of the first decoded block.
    spec: Option<AudioSpec>,
    timeline: Timeline,
    /// Audio that was returned.
    returned: AudioClock,
    /// Whether several streams are chained: the header describes only the first one.
    is_chain: bool,
    /// Frames of silence that come before `held`.
    silence: u64,
    held: Option<Block>,
    bad_packets: u64,
    stall: Stall,
    last_problem: Option<String>,
    warnings: Vec<String>,
    /// Whether the demuxer gives no more packets.
    ended: bool,
    /// Whether the decoder gives no more blocks.
    drained: bool,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("codec", &self.codec).field("seconds", &self.seconds()).finish()
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
        let (demuxer, decoder) = Demuxer::open(&file)?;
        let mut this = Self {
            codec: decoder.codec(),
            timeline: demuxer.timeline(),
            file,
            demuxer,
            decoder,
            spec: None,
            returned: AudioClock::default(),
            is_chain: false,
            silence: 0,
            held: None,
            bad_packets: 0,
            stall: Stall::default(),
            last_problem: None,
            warnings: Vec::new(),
            ended: false,
            drained: false,
        };
        this.read_on()?;
        match (&this.held, this.last_problem.take()) {
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
        self.returned.seconds()
    }

    /// Expected duration in seconds, by the header or estimated from the size of the file.
    pub(crate) fn expected_seconds(&self) -> Option<f64> {
        self.demuxer.expected_seconds()
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
        if self.held.is_none() {
            self.read_on()?;
        }
        let Some(held) = &self.held else { return Ok(None) };
        let rate = f64::from(held.spec.rate);
        let block = if self.silence > 0 {
            let frames = self.silence.min((SILENCE_BLOCK * rate) as u64).max(1);
            self.silence -= frames;
            let planes = vec![vec![0.0; frames as usize]; held.spec.channels];
            Some(Block { spec: held.spec, positions: held.positions.clone(), planes })
        } else {
            self.held.take()
        };
        if let Some(block) = &block {
            self.returned.add(block.planes[0].len(), block.spec.rate);
        }
        Ok(block)
    }

    /// Decodes the next block into `held`, with the silence that comes before it. Nothing is held at the end.
    fn read_on(&mut self) -> Result<(), AudioError> {
        while self.held.is_none() && !self.drained {
            match self.decoder.receive() {
                Ok(Received::Block(block)) => self.hold(block)?,
                Ok(Received::Again) if !self.ended => self.send_packet()?,
                Ok(Received::Again | Received::End) => {
                    self.drained = true;
                    self.add_final_warnings();
                }
                Err(error) => {
                    self.bad_packet(&error);
                    self.check_progress()?;
                }
            }
        }
        Ok(())
    }

    /// Gives the decoder the next packet, or the end of the file.
    fn send_packet(&mut self) -> Result<(), AudioError> {
        match self.demuxer.next(&mut self.decoder) {
            Ok(Next::Packet | Next::Other) => {}
            Ok(Next::Damage(error)) => self.bad_packet(&error),
            Ok(Next::Chained) => return self.open_chained(),
            Ok(Next::End) => return self.finish(None),
            Err(error) => return self.finish(Some(&error)),
        }
        self.check_progress()
    }

    /// Continues with the stream that is chained to the current one.
    fn open_chained(&mut self) -> Result<(), AudioError> {
        match self.demuxer.next_chained(&self.file) {
            Ok(Some((demuxer, decoder))) => {
                (self.demuxer, self.decoder) = (demuxer, decoder);
                self.timeline.restart();
                self.is_chain = true;
                Ok(())
            }
            Ok(None) => self.finish(None),
            Err(error) => self.stop_damaged(error),
        }
    }

    fn hold(&mut self, block: verbatim_ffmpeg::Block) -> Result<(), AudioError> {
        self.stall.clear_bad();
        let mut planes = block.planes;
        let Some(frames) = planes.first().map(Vec::len).filter(|frames| *frames > 0) else { return Ok(()) };
        let spec = AudioSpec { rate: block.rate, channels: planes.len() };
        spec.check()?;
        self.spec.get_or_insert(spec);
        planes.iter_mut().for_each(|plane| sanitise(plane));
        let rate = f64::from(spec.rate);
        self.silence = (self.timeline.gap_before(block.time) * rate).round() as u64;
        self.timeline.advance(frames as f64 / rate);
        self.held = Some(Block { spec, positions: block.positions, planes });
        Ok(())
    }

    /// Counts a packet that cannot be decoded. The times of later ones show how much is missing.
    fn bad_packet(&mut self, error: &Error) {
        self.bad_packets += 1;
        self.stall.count_bad();
        self.last_problem = Some(error.to_string());
    }

    /// Ends the file, with the demuxer's error if it could not continue. The decoder may hold blocks back.
    fn finish(&mut self, cause: Option<&Error>) -> Result<(), AudioError> {
        self.ended = true;
        let seconds = self.timeline.position();
        let damage = end_of_stream::damage(cause, &self.file, self.demuxer.log(), seconds)?;
        let damage =
            damage.or_else(|| self.demuxer.is_cut(&self.file).then(|| "it is cut in the middle".to_owned()));
        if let Some(damage) = &damage {
            if seconds > 0.0 {
                self.warnings.push(format!("damaged: {damage}; {seconds:.1} s could be decoded"));
            }
            self.last_problem = Some(damage.clone());
        }
        if let Err(error) = self.decoder.end() {
            self.bad_packet(&error);
        }
        Ok(())
    }

    /// Ends the file after damage that the demuxer did not notice itself. Fails if nothing was decoded.
    fn stop_damaged(&mut self, error: AudioError) -> Result<(), AudioError> {
        self.ended = true;
        if self.file.changed() {
            return Err(AudioError::SourceChanged { position: self.seconds() });
        }
        if self.spec.is_none() {
            return Err(error);
        }
        self.warnings.push(format!("{error}; {:.1} s could be decoded", self.timeline.position()));
        self.drained = true;
        self.add_final_warnings();
        Ok(())
    }

    fn add_final_warnings(&mut self) {
        self.warnings.extend(self.demuxer.notes().iter().cloned());
        let (gaps, missing) = self.timeline.gaps();
        let decoded = self.timeline.position();
        let promised = self.demuxer.promised_seconds().filter(|_| !self.is_chain);
        self.warnings.extend(end_of_stream::warnings(
            self.bad_packets,
            self.demuxer.log().skipped(),
            (gaps, missing),
            promised,
            decoded,
        ));
    }

    /// Ends a file that no longer makes progress.
    fn check_progress(&mut self) -> Result<(), AudioError> {
        let Some(problem) = self.stall.check(self.demuxer.log().bytes_read()) else { return Ok(()) };
        let position = Some(self.seconds()).filter(|&s| s > 0.0);
        self.stop_damaged(AudioError::Corrupt { what: problem.into(), position })
    }
}

/// Replaces samples that are not finite by silence, and clips the others.
fn sanitise(samples: &mut [f32]) {
    for sample in samples {
        let clipped = sample.clamp(-MAX_SAMPLE, MAX_SAMPLE);
        *sample = if sample.is_finite() { clipped } else { 0.0 };
    }
}
