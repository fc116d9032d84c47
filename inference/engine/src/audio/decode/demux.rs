//! Demuxing: finds the format of a file, its audio track and the decoder, and reads packets.

use std::sync::{Arc, LazyLock};

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_ALAC, CODEC_ID_OPUS};
use symphonia::core::codecs::audio::{
    AudioCodecParameters, AudioDecoder, AudioDecoderOptions, CODEC_ID_NULL_AUDIO,
};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::common::Limit;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::{Hint, Probe, ProbeOptions};
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

use crate::audio::decode::sniff::{self, Format};
use crate::audio::decode::source::{OpenFile, ReadLog};
use crate::audio::decode::wav_header;
use crate::audio::decode::wav_packets::WavPackets;
use crate::audio::error::AudioError;
use crate::audio::spec::AudioSpec;

/// Maximum frames of a packet for which a decoder may allocate. FLAC blocks have at most 65535 frames, the
/// most of all formats; a header with more is false and would cost gigabytes.
const MAX_FRAMES_PER_PACKET: u64 = 1 << 17;
/// Maximum size of tags and pictures. They are not used, and larger ones are skipped.
const MAX_TAG_BYTES: usize = 64 << 10;

static CODECS: LazyLock<CodecRegistry> = LazyLock::new(|| {
    let mut codecs = CodecRegistry::new();
    symphonia::default::register_enabled_codecs(&mut codecs);
    codecs.register_audio_decoder::<symphonia_adapter_libopus::OpusDecoder>();
    codecs
});

static PROBE: LazyLock<Probe> = LazyLock::new(|| {
    // `sniff` has already found a magic number or frames within the head.
    let options = ProbeOptions { max_probe_depth: sniff::HEAD_LEN as u32 + 16, ..ProbeOptions::default() };
    let mut probe = Probe::new_with_options(&options);
    symphonia::default::register_enabled_formats(&mut probe);
    probe
});

/// Source of packets.
enum Packets {
    Wav(Box<WavPackets>),
    Other(Box<dyn FormatReader>),
}

/// Demuxer of one audio track.
pub(super) struct Demuxer {
    packets: Packets,
    track_id: u32,
    log: Arc<ReadLog>,
    time_base: Option<TimeBase>,
    promised_frames: Option<u64>,
    /// Whether the file consists of bare frames, so that the demuxer finds the next frame after damage.
    resyncs: bool,
}

/// Outcome of reading on.
pub(super) enum Next {
    /// Packet of the audio track.
    Packet(Packet),
    /// Packet of another track.
    Other,
    /// Start of another stream in the same file: [`Demuxer::decoder`] gives its decoder.
    NewStream,
    /// Damaged bytes; packets may follow.
    Damage,
    /// Regular end of the file.
    End,
}

impl Demuxer {
    /// Finds the format and the audio track, and creates the decoder.
    pub(super) fn open(file: &OpenFile) -> Result<(Self, Box<dyn AudioDecoder>), AudioError> {
        let (start, head) = after_tags(file)?;
        match sniff::sniff(&head) {
            Format::Unknown => Err(AudioError::NotAudio),
            Format::Unsupported(name) => Err(AudioError::UnsupportedCodec { what: name.into() }),
            Format::Container => {
                Self::probe(file, start, file.len(), false).or_else(|rejection| match rejection {
                    // Some readers require the promised length or an index at the end. The second attempt
                    // uses only what the start of the file gives.
                    AudioError::Corrupt { .. } => {
                        Self::probe(file, start, file.len(), true).map_err(|_| rejection)
                    }
                    other => Err(other),
                })
            }
            Format::Frames => Self::frames(file, start, file.len()),
            Format::Wave => {
                let layout = wav_header::read_layout(file.window(start, file.len()).0)?;
                let Some(params) = layout.params.clone() else {
                    return Self::frames(file, start + layout.start, start + layout.end);
                };
                let decoder = make_decoder(&params)?;
                let (samples, log) = file.window(start + layout.start, start + layout.end);
                let demuxer = Self {
                    time_base: params.sample_rate.and_then(TimeBase::try_from_recip),
                    promised_frames: layout.promised_frames,
                    packets: Packets::Wav(Box::new(WavPackets::new(samples, layout))),
                    track_id: 0,
                    log,
                    resyncs: false,
                };
                Ok((demuxer, decoder))
            }
        }
    }

    fn frames(file: &OpenFile, start: u64, end: u64) -> Result<(Self, Box<dyn AudioDecoder>), AudioError> {
        let (mut demuxer, decoder) = Self::probe(file, start, end, false)?;
        demuxer.resyncs = true;
        // Without a LAME tag, Symphonia estimates the length from the bit rate.
        let tagged =
            matches!(&demuxer.packets, Packets::Other(r) if r.tracks().iter().any(|t| t.delay.is_some()));
        demuxer.promised_frames = demuxer.promised_frames.filter(|_| tagged);
        Ok((demuxer, decoder))
    }

    fn probe(
        file: &OpenFile,
        start: u64,
        end: u64,
        streaming: bool,
    ) -> Result<(Self, Box<dyn AudioDecoder>), AudioError> {
        let (window, log) = file.window(start, end);
        let window = if streaming { window.streaming() } else { window };
        let stream = MediaSourceStream::new(Box::new(window), MediaSourceStreamOptions::default());
        let limits = MetadataOptions::default()
            .limit_tag_bytes(Limit::Maximum(MAX_TAG_BYTES))
            .limit_visual_bytes(Limit::Maximum(MAX_TAG_BYTES));
        let reader = PROBE.probe(&Hint::new(), stream, FormatOptions::default(), limits).map_err(|e| {
            if let Some(source) = log.take_error() {
                return AudioError::from_io(source, None);
            }
            match e {
                // Symphonia reports missing parts as "unsupported" as well.
                Error::Unsupported(what) if !what.contains("missing") && !what.contains("probe") => {
                    AudioError::UnsupportedCodec { what: format!("this variant of the format ({what})") }
                }
                other => damaged(&other),
            }
        })?;
        let mut demuxer = Self {
            packets: Packets::Other(reader),
            track_id: 0,
            log,
            time_base: None,
            promised_frames: None,
            resyncs: false,
        };
        let decoder = demuxer.decoder()?;
        Ok((demuxer, decoder))
    }

    /// Selects the first audio track that can be decoded, starting with the default track, and creates its
    /// decoder.
    pub(super) fn decoder(&mut self) -> Result<Box<dyn AudioDecoder>, AudioError> {
        let Packets::Other(reader) = &self.packets else { return Err(AudioError::NoAudioTrack) };
        let default = reader.default_track(TrackType::Audio).map(|t| t.id);
        let mut tracks: Vec<&Track> = reader.tracks().iter().collect();
        tracks.sort_by_key(|t| Some(t.id) != default);
        let mut rejection = AudioError::NoAudioTrack;
        for track in tracks {
            let Some(CodecParameters::Audio(params)) = &track.codec_params else { continue };
            match make_decoder(params) {
                Ok(decoder) => {
                    self.track_id = track.id;
                    self.time_base = track.time_base;
                    self.promised_frames = track.num_frames;
                    return Ok(decoder);
                }
                // The first rejection is that of the default track.
                Err(e) if matches!(rejection, AudioError::NoAudioTrack) => rejection = e,
                Err(_) => {}
            }
        }
        Err(rejection)
    }

    /// Reads the next packet.
    pub(super) fn next(&mut self) -> Result<Next, Error> {
        match &mut self.packets {
            Packets::Wav(wav) => Ok(wav.next_packet()?.map_or(Next::End, Next::Packet)),
            Packets::Other(reader) => match reader.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track_id => Ok(Next::Packet(packet)),
                Ok(Some(_)) => Ok(Next::Other),
                Ok(None) => Ok(Next::End),
                Err(Error::ResetRequired) => Ok(Next::NewStream),
                Err(Error::DecodeError(_) | Error::Unsupported(_)) if self.resyncs => Ok(Next::Damage),
                Err(e) => Err(e),
            },
        }
    }

    /// Log of the reads of the file.
    pub(super) fn log(&self) -> &ReadLog {
        &self.log
    }

    /// Number of frames according to the header; `None` if it is unknown or unreliable.
    pub(super) fn promised_frames(&self) -> Option<u64> {
        self.promised_frames
    }

    /// Number of frames of a packet according to its header, at `rate` Hz.
    pub(super) fn frames_of(&self, packet: &Packet, rate: u32) -> u64 {
        let Some(seconds) = self.time_base.and_then(|base| base.calc_duration(packet.dur)) else { return 0 };
        (seconds.as_secs_f64() * f64::from(rate)).round() as u64
    }
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

/// Converts an error of Symphonia about a file of which nothing has been decoded.
fn damaged(error: &Error) -> AudioError {
    let what = match error {
        Error::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            "it is cut within its header".into()
        }
        Error::DecodeError(what) | Error::Unsupported(what) | Error::LimitError(what) => (*what).to_owned(),
        other => other.to_string(),
    };
    AudioError::Corrupt { what, position: None }
}

fn make_decoder(params: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, AudioError> {
    let channels = params.channels.as_ref().map(|c| c.count());
    if let Some(rate) = params.sample_rate {
        AudioSpec { rate, channels: channels.unwrap_or(1) }.check()?;
    }
    if allocated_frames(params) > MAX_FRAMES_PER_PACKET {
        return Err(AudioError::Corrupt {
            what: "its header declares packets of an impossible length".into(),
            position: None,
        });
    }
    if params.codec == CODEC_ID_NULL_AUDIO || CODECS.get_audio_decoder(params.codec).is_none() {
        return Err(AudioError::UnsupportedCodec { what: "the audio track's codec".into() });
    }
    if params.codec == CODEC_ID_OPUS && channels.is_some_and(|c| c > 2) {
        return Err(AudioError::UnsupportedCodec { what: "Opus with more than two channels".into() });
    }
    CODECS.make_audio_decoder(params, &AudioDecoderOptions::default()).map_err(|e| match e {
        Error::Unsupported(what) => AudioError::UnsupportedCodec { what: what.into() },
        other => damaged(&other),
    })
}

/// Frames for which the decoder allocates memory when it is created.
fn allocated_frames(params: &AudioCodecParameters) -> u64 {
    // An ALAC cookie starts with the frame length. Some containers put the 12 bytes of a `frma` atom and the
    // header of the cookie's own atom before it.
    let alac = params.extra_data.as_deref().filter(|_| params.codec == CODEC_ID_ALAC).map(|cookie| {
        let at = cookie.windows(4).position(|w| w == b"alac").map_or(0, |p| p + 8);
        cookie.get(at..at + 4).map_or(0, |b| u64::from(u32::from_be_bytes([b[0], b[1], b[2], b[3]])))
    });
    params.max_frames_per_packet.unwrap_or(0).max(alac.unwrap_or(0))
}
