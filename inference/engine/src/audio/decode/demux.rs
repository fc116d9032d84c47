//! Demuxing: finds the format of a file, its audio track and the decoder, and reads packets.

use std::sync::Arc;

use verbatim_ffmpeg::{Decoder, Error, Input, Source, Stream};

use crate::audio::decode::adts::AdtsFrames;
use crate::audio::decode::ogg;
use crate::audio::decode::sniff::{self, Format};
use crate::audio::decode::source::{OpenFile, ReadLog, Spliced};
use crate::audio::decode::timeline::Timeline;
use crate::audio::decode::wav_header;
use crate::audio::error::AudioError;
use crate::audio::spec::AudioSpec;

/// Format of the header that `wav_header` makes.
const WAV: verbatim_ffmpeg::Format<'static> = verbatim_ffmpeg::Format { name: "wav", options: "" };

/// Demuxer of one audio track.
pub(super) struct Demuxer {
    input: Input,
    track: usize,
    log: Arc<ReadLog>,
    /// Offset of its first byte in the file.
    start: u64,
    promised_seconds: Option<f64>,
    notes: Vec<String>,
}

/// Outcome of reading on.
pub(super) enum Next {
    /// The decoder has a packet of the audio track.
    Packet,
    /// Packet of another track.
    Other,
    /// Packet that the decoder refuses, or damaged bytes; packets may follow.
    Damage(Error),
    /// Start of a chained stream, which [`Demuxer::next_chained`] opens.
    Chained,
    /// Regular end of the file.
    End,
}

impl Demuxer {
    /// Finds the format and the audio track, and creates the decoder.
    pub(super) fn open(file: &OpenFile) -> Result<(Self, Decoder), AudioError> {
        let (start, head) = after_tags(file)?;
        match sniff::sniff(&head) {
            Format::Wave => {
                let layout = wav_header::read_layout(file.window(start, file.len()).0)?;
                let (samples, log) = file.window(start + layout.start, start + layout.end);
                let source = Box::new(Spliced::new(layout.header, samples));
                let (mut demuxer, decoder) =
                    Self::demux(source, Some(WAV), log, true).map_err(|error| match error {
                        AudioError::UnsupportedCodec { .. } => AudioError::UnsupportedCodec {
                            what: format!("WAV with format tag {:#06x}", layout.tag),
                        },
                        other => other,
                    })?;
                demuxer.promised_seconds = layout.promised_seconds;
                demuxer.notes.extend(layout.note);
                Ok((demuxer, decoder))
            }
            Format::Frames if sniff::is_adts(&head) => {
                let (window, log) = file.window(start, file.len());
                let source = Box::new(AdtsFrames::new(window, Arc::clone(&log)));
                Self::demux(source, None, log, true)
            }
            format => {
                let (window, log) = file.window(start, file.len());
                let name = file.headerless_format().filter(|_| format == Format::Unknown);
                let (mut demuxer, decoder) =
                    Self::demux(Box::new(window), name, log, format != Format::Unknown)?;
                demuxer.start = start;
                Ok((demuxer, decoder))
            }
        }
    }

    /// `known`: whether the first bytes are those of a known format.
    fn demux(
        source: Box<dyn Source>,
        name: Option<verbatim_ffmpeg::Format<'_>>,
        log: Arc<ReadLog>,
        known: bool,
    ) -> Result<(Self, Decoder), AudioError> {
        let failed =
            |error: &Error| log.take_error().map_or_else(|| refused(error), |e| AudioError::from_io(e, None));
        let mut input = Input::open(source, name).map_err(|error| match failed(&error) {
            AudioError::Corrupt { .. } if !known => AudioError::NotAudio,
            other => other,
        })?;
        let streams = input.streams();
        let track = choose(&streams)?;
        let stream = &streams[track];
        if stream.rate != 0 && stream.channels != 0 {
            AudioSpec { rate: stream.rate, channels: stream.channels }.check()?;
        }
        let decoder = Decoder::open(&input, track).map_err(|error| failed(&error))?;
        input.select(track);
        let is_known = !input.is_estimated();
        // Some formats give one duration, that of the longest stream.
        let promised = stream.duration.or_else(|| input.duration().filter(|_| streams.len() == 1));
        let demuxer = Self {
            track,
            log: Arc::clone(&log),
            start: 0,
            promised_seconds: promised.filter(|_| is_known),
            notes: choice_note(&streams, track).into_iter().collect(),
            input,
        };
        Ok((demuxer, decoder))
    }

    /// Opens the stream that is chained to the current one; `None` if there is none.
    pub(super) fn next_chained(&self, file: &OpenFile) -> Result<Option<(Self, Decoder)>, AudioError> {
        let (mut window, _) = file.window(0, file.len());
        let next =
            ogg::next_chained_stream(&mut window, self.start).map_err(|e| AudioError::from_io(e, None))?;
        let Some(start) = next else { return Ok(None) };
        let (window, log) = file.window(start, file.len());
        let (mut demuxer, decoder) = Self::demux(Box::new(window), None, log, true)?;
        demuxer.start = start;
        Ok(Some((demuxer, decoder)))
    }

    /// Reads the next packet, and gives it to the decoder.
    ///
    /// # Errors
    /// The file cannot be read on.
    pub(super) fn next(&mut self, decoder: &mut Decoder) -> Result<Next, Error> {
        match self.input.read() {
            Ok(Some(track)) if track == self.track => match decoder.send(&mut self.input) {
                Ok(_) => Ok(Next::Packet),
                Err(error) => Ok(Next::Damage(error)),
            },
            Ok(Some(_)) => Ok(Next::Other),
            Ok(None) => Ok(Next::End),
            Err(error) if error.is_unsupported() && self.is_ogg() => Ok(Next::Chained),
            Err(error) if error.is_invalid_data() => Ok(Next::Damage(error)),
            Err(error) => Err(error),
        }
    }

    /// Clock of the file.
    pub(super) fn timeline(&self) -> Timeline {
        let duration = self.input.duration().filter(|_| !self.input.is_estimated());
        Timeline::new(self.input.start(), duration, self.input.has_discontinuities())
    }

    /// Whether the file ends within a page of Ogg.
    pub(super) fn is_cut(&self, file: &OpenFile) -> bool {
        let (mut window, _) = file.window(0, file.len());
        self.is_ogg() && ogg::is_cut(&mut window, file.len()).unwrap_or(false)
    }

    fn is_ogg(&self) -> bool {
        self.input.format() == "ogg"
    }

    /// Log of the reads of the file.
    pub(super) fn log(&self) -> &ReadLog {
        &self.log
    }

    /// Duration in seconds according to the header; `None` if it is unknown or unreliable.
    pub(super) fn promised_seconds(&self) -> Option<f64> {
        self.promised_seconds
    }

    /// Duration in seconds by the header, or estimated from the size of the file.
    pub(super) fn expected_seconds(&self) -> Option<f64> {
        self.promised_seconds.or_else(|| self.input.duration())
    }

    /// What the user should know about the file, beside damage.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// Selects the first audio track that can be decoded, starting with the default track.
fn choose(streams: &[Stream]) -> Result<usize, AudioError> {
    let mut audio: Vec<_> = streams.iter().enumerate().filter(|(_, stream)| stream.is_audio).collect();
    audio.sort_by_key(|(_, stream)| !stream.is_default);
    let Some((_, first)) = audio.first() else { return Err(AudioError::NoAudioTrack) };
    let found = audio.iter().find(|(_, stream)| stream.has_decoder);
    found.map(|(index, _)| *index).ok_or_else(|| {
        let codec = if first.codec == "none" { "the audio track's codec" } else { &first.codec };
        AudioError::UnsupportedCodec { what: codec.to_owned() }
    })
}

/// Note about a file with several audio tracks.
fn choice_note(streams: &[Stream], chosen: usize) -> Option<String> {
    let audio: Vec<_> = streams.iter().enumerate().filter(|(_, stream)| stream.is_audio).collect();
    let number = audio.iter().position(|(index, _)| *index == chosen)? + 1;
    if audio.len() < 2 {
        return None;
    }
    let names: Vec<&str> =
        audio.iter().map(|(_, stream)| stream.language.as_deref().unwrap_or("unknown")).collect();
    Some(format!("{} audio tracks ({}): only track {number} was transcribed", audio.len(), names.join(", ")))
}

/// Maximum number of leading ID3v2 tags. More come from broken taggers.
const MAX_TAGS: usize = 4;

/// Start of the audio after ID3v2 tags, and its first bytes. Tags hold pictures of any size and need not be
/// parsed.
fn after_tags(file: &OpenFile) -> Result<(u64, Vec<u8>), AudioError> {
    let mut start = 0;
    for _ in 0..MAX_TAGS {
        let head = file.head(start, sniff::HEAD_LEN)?;
        match sniff::id3_len(&head) {
            0 => return Ok((start, head)),
            len if start + len >= file.len() => {
                return Err(AudioError::Corrupt { what: "it is cut within its tag".into(), position: None });
            }
            len => start += len,
        }
    }
    Err(AudioError::NotAudio)
}

/// Converts an error of FFmpeg about a file of which nothing has been decoded.
fn refused(error: &Error) -> AudioError {
    if error.is_unsupported() {
        return AudioError::UnsupportedCodec { what: "this variant of the format".into() };
    }
    let what = if error.is_end() { "it is cut within its header".to_owned() } else { error.to_string() };
    AudioError::Corrupt { what, position: None }
}
