//! From a file to packets of its audio track: finds the format, the track and the decoder.

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

use super::error::AudioError;
use super::sniff::{self, Format};
use super::source::{OpenFile, Watch};
use super::wav::{self, WavPackets};

/// Largest frame count of one packet that a decoder may prepare for. FLAC blocks have at most 65535 frames, the
/// largest of all formats; the rest is a lie in a header that would cost gigabytes.
const MAX_FRAMES_PER_PACKET: u64 = 1 << 17;
/// Tags and pictures are of no use here; larger ones are skipped.
const MAX_TAG_BYTES: usize = 64 << 10;

static CODECS: LazyLock<CodecRegistry> = LazyLock::new(|| {
    let mut codecs = CodecRegistry::new();
    symphonia::default::register_enabled_codecs(&mut codecs);
    codecs.register_audio_decoder::<symphonia_adapter_libopus::OpusDecoder>();
    codecs
});

static PROBE: LazyLock<Probe> = LazyLock::new(|| {
    // The sniffer has seen a mark within the head already.
    let options = ProbeOptions { max_probe_depth: sniff::HEAD_LEN as u32 + 16, ..ProbeOptions::default() };
    let mut probe = Probe::new_with_options(&options);
    symphonia::default::register_enabled_formats(&mut probe);
    probe
});

/// Where packets come from.
enum Packets {
    Wav(Box<WavPackets>),
    Other(Box<dyn FormatReader>),
}

/// A demuxer at work on one audio track.
pub(super) struct Demuxer {
    packets: Packets,
    track_id: u32,
    watch: Arc<Watch>,
    time_base: Option<TimeBase>,
    promised_frames: Option<u64>,
    /// Frames without a container: after damage the next frame is looked for.
    resyncs: bool,
}

/// What a demuxer gives next.
pub(super) enum Next {
    /// A packet of the audio track.
    Packet(Packet),
    /// A packet of another track.
    Other,
    /// Another stream follows in the same file: fetch its decoder with [`Demuxer::decoder`].
    NewStream,
    /// Bytes that are no packet; more may follow.
    Damage,
    /// The end, as the format has it.
    End,
}

impl Demuxer {
    /// Finds format and audio track.
    pub(super) fn open(file: &OpenFile) -> Result<(Self, Box<dyn AudioDecoder>), AudioError> {
        let (start, head) = after_tags(file)?;
        match sniff::sniff(&head) {
            Format::Unknown => Err(AudioError::NotAudio),
            Format::Unsupported(name) => Err(AudioError::UnsupportedCodec { what: name.into() }),
            Format::Marked => Self::probe(file, start, file.len(), false).or_else(|refusal| match refusal {
                // Some readers want the promised length, or an index at the end. A second try without: what the
                // file's beginning alone can give.
                AudioError::Corrupt { .. } => Self::probe(file, start, file.len(), true).map_err(|_| refusal),
                other => Err(other),
            }),
            Format::Frames => Self::frames(file, start, file.len()),
            Format::Wave => {
                let layout = wav::read_layout(file.window(start, file.len()).0)?;
                let Some(params) = layout.params.clone() else {
                    return Self::frames(file, start + layout.start, start + layout.end);
                };
                let decoder = make_decoder(&params)?;
                let (samples, watch) = file.window(start + layout.start, start + layout.end);
                let demuxer = Self {
                    time_base: params.sample_rate.and_then(TimeBase::try_from_recip),
                    promised_frames: layout.promised_frames,
                    packets: Packets::Wav(Box::new(WavPackets::new(samples, layout))),
                    track_id: 0,
                    watch,
                    resyncs: false,
                };
                Ok((demuxer, decoder))
            }
        }
    }

    fn frames(file: &OpenFile, start: u64, end: u64) -> Result<(Self, Box<dyn AudioDecoder>), AudioError> {
        let (mut demuxer, decoder) = Self::probe(file, start, end, false)?;
        demuxer.resyncs = true;
        // Without a LAME tag symphonia guesses the length from the bit rate.
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
        let (window, watch) = file.window(start, end);
        let window = if streaming { window.streaming() } else { window };
        let stream = MediaSourceStream::new(Box::new(window), MediaSourceStreamOptions::default());
        let limits = MetadataOptions::default()
            .limit_tag_bytes(Limit::Maximum(MAX_TAG_BYTES))
            .limit_visual_bytes(Limit::Maximum(MAX_TAG_BYTES));
        let reader = PROBE.probe(&Hint::new(), stream, FormatOptions::default(), limits).map_err(|e| {
            if let Some(source) = watch.take_error() {
                return AudioError::from_io(source, None);
            }
            match e {
                // "Unsupported" is also how symphonia says that something is not there.
                Error::Unsupported(what) if !what.contains("missing") && !what.contains("probe") => {
                    AudioError::UnsupportedCodec { what: format!("this kind of file ({what})") }
                }
                other => damaged(&other),
            }
        })?;
        let mut demuxer = Self {
            packets: Packets::Other(reader),
            track_id: 0,
            watch,
            time_base: None,
            promised_frames: None,
            resyncs: false,
        };
        let decoder = demuxer.decoder()?;
        Ok((demuxer, decoder))
    }

    /// Picks the first audio track that can be decoded, the default track first, and makes its decoder.
    pub(super) fn decoder(&mut self) -> Result<Box<dyn AudioDecoder>, AudioError> {
        let Packets::Other(reader) = &self.packets else { return Err(AudioError::NoAudioTrack) };
        let default = reader.default_track(TrackType::Audio).map(|t| t.id);
        let mut tracks: Vec<&Track> = reader.tracks().iter().collect();
        tracks.sort_by_key(|t| Some(t.id) != default);
        let mut refusal = AudioError::NoAudioTrack;
        for track in tracks {
            let Some(CodecParameters::Audio(params)) = &track.codec_params else { continue };
            match make_decoder(params) {
                Ok(decoder) => {
                    self.track_id = track.id;
                    self.time_base = track.time_base;
                    self.promised_frames = track.num_frames;
                    return Ok(decoder);
                }
                // The first refusal is the default track's.
                Err(e) if matches!(refusal, AudioError::NoAudioTrack) => refusal = e,
                Err(_) => {}
            }
        }
        Err(refusal)
    }

    /// Reads on.
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

    /// What happened to the file underneath.
    pub(super) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Frames that the header promises, where that means something.
    pub(super) fn promised_frames(&self) -> Option<u64> {
        self.promised_frames
    }

    /// Audio frames that a packet stands for by its header, at `rate` Hz.
    pub(super) fn frames_of(&self, packet: &Packet, rate: u32) -> u64 {
        let Some(seconds) = self.time_base.and_then(|base| base.calc_duration(packet.dur)) else { return 0 };
        (seconds.as_secs_f64() * f64::from(rate)).round() as u64
    }
}

/// ID3v2 tags in front of everything, that a file may have. More come from broken taggers.
const MAX_TAGS: usize = 4;

/// Where the audio file starts after ID3v2 tags, and its first bytes. The tags hold pictures of any size, which
/// nobody here wants to parse.
fn after_tags(file: &OpenFile) -> Result<(u64, Vec<u8>), AudioError> {
    let mut start = 0;
    for _ in 0..MAX_TAGS {
        let head = file.head(start, sniff::HEAD_LEN)?;
        match sniff::id3_len(&head) {
            0 => return Ok((start, head)),
            len if start + len >= file.len() => {
                return Err(AudioError::Corrupt { what: "it ends within its tag".into(), position: None });
            }
            len => start += len,
        }
    }
    Err(AudioError::NotAudio)
}

/// An error of symphonia about a file of which nothing has been decoded.
pub(super) fn damaged(error: &Error) -> AudioError {
    let what = match error {
        Error::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            "it ends within its header".into()
        }
        Error::DecodeError(what) | Error::Unsupported(what) | Error::LimitError(what) => (*what).to_owned(),
        other => other.to_string(),
    };
    AudioError::Corrupt { what, position: None }
}

fn make_decoder(params: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, AudioError> {
    let channels = params.channels.as_ref().map(|c| c.count());
    if let Some(rate) = params.sample_rate {
        super::check_audio(rate, channels.unwrap_or(1))?;
    }
    if frames_prepared_for(params) > MAX_FRAMES_PER_PACKET {
        return Err(AudioError::Corrupt {
            what: "its header gives packets of an impossible length".into(),
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

/// Frames for which the decoder will set memory aside as soon as it is made.
fn frames_prepared_for(params: &AudioCodecParameters) -> u64 {
    // An ALAC cookie starts with the frame length; some containers put the 12 bytes of a `frma` atom and of
    // the cookie's own atom before it.
    let alac = params.extra_data.as_deref().filter(|_| params.codec == CODEC_ID_ALAC).map(|cookie| {
        let at = cookie.windows(4).position(|w| w == b"alac").map_or(0, |p| p + 8);
        cookie.get(at..at + 4).map_or(0, |b| u64::from(u32::from_be_bytes([b[0], b[1], b[2], b[3]])))
    });
    params.max_frames_per_packet.unwrap_or(0).max(alac.unwrap_or(0))
}
