//! Headers of RIFF/WAVE, RF64 and BW64 files, as recorders and phone systems write them.
//!
//! Symphonia's reader rejects inconsistent lengths, more than 26 channels, 64-bit files and some `fmt `
//! chunks. This reader trusts the header as little as possible: it locates the samples, and the decoders do
//! the rest.

use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_ADPCM_IMA_WAV, CODEC_ID_ADPCM_MS, CODEC_ID_PCM_ALAW, CODEC_ID_PCM_F32LE, CODEC_ID_PCM_F64LE,
    CODEC_ID_PCM_MULAW, CODEC_ID_PCM_S16LE, CODEC_ID_PCM_S24LE, CODEC_ID_PCM_S32LE, CODEC_ID_PCM_U8,
};
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};

use crate::audio::decode::source::Window;
use crate::audio::error::AudioError;
use crate::audio::spec::AudioSpec;

/// Data lengths of recorders that do not know the length yet and never correct it: zero, all ones (ffmpeg to
/// a pipe), the largest signed number, and sox's value for pipes.
const PLACEHOLDERS: [u64; 4] = [0, 0xffff_ffff, 0x7fff_ffff, 0x7fff_f000];
/// Maximum number of chunks before the samples. Real files have fewer than ten.
const MAX_CHUNKS: usize = 1000;
/// Frames of a packet, as in an MP3 frame. A packet of 64 channels of doubles has 576 kB.
const FRAMES_PER_PACKET: u64 = 1152;

/// Format and position of the samples in a WAVE file.
#[derive(Debug)]
pub(super) struct WavLayout {
    /// Parameters of the decoder; `None` for MPEG frames, which have a demuxer of their own.
    pub(super) params: Option<AudioCodecParameters>,
    /// Offset of the samples.
    pub(super) start: u64,
    /// Offset after the samples, at most the size of the file.
    pub(super) end: u64,
    /// Number of frames according to the header; `None` if it gives none.
    pub(super) promised_frames: Option<u64>,
    /// Bytes of a block, the smallest unit of the codec.
    pub(super) block_bytes: u64,
    /// Frames of a block.
    pub(super) frames_per_block: u64,
}

/// Reads the chunks up to the samples.
///
/// # Errors
/// There are no samples, or their format is damaged or unsupported.
pub(super) fn read_layout(file: Window) -> Result<WavLayout, AudioError> {
    let len = file.len();
    let mut reader = BufReader::new(file);
    match read_chunks(&mut reader, len) {
        Ok(found) => found,
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
            Err(corrupt("the header ends before the samples"))
        }
        Err(e) => Err(AudioError::from_io(e, None)),
    }
}

fn corrupt(what: &str) -> AudioError {
    AudioError::Corrupt { what: what.into(), position: None }
}

fn read_chunks(reader: &mut BufReader<Window>, len: u64) -> io::Result<Result<WavLayout, AudioError>> {
    let mut riff = [0; 12];
    reader.read_exact(&mut riff)?;
    let mut format = None;
    let mut long_data_len = None;
    for _ in 0..MAX_CHUNKS {
        let mut header = [0; 8];
        reader.read_exact(&mut header)?;
        let (tag, size) = header.split_at(4);
        let size = u64::from(u32_at(size, 0));
        let body = reader.stream_position()?;
        match tag {
            b"fmt " => {
                // The longest known is 50 bytes (MS ADPCM); the rest of a longer one is skipped.
                let mut bytes = Vec::new();
                reader.by_ref().take(size.min(64)).read_to_end(&mut bytes)?;
                match parse_format(&bytes) {
                    Ok(parsed) => format = Some(parsed),
                    Err(e) => return Ok(Err(e)),
                }
            }
            b"ds64" => {
                let mut bytes = [0; 16];
                reader.read_exact(&mut bytes)?;
                long_data_len = Some(u64::from(u32_at(&bytes, 8)) | u64::from(u32_at(&bytes, 12)) << 32);
            }
            b"data" => {
                let Some(format) = format else { return Ok(Err(corrupt("no fmt chunk before the samples"))) };
                let size = long_data_len.filter(|_| size == 0xffff_ffff).unwrap_or(size);
                if size == 0 && chunk_follows(reader, len)? {
                    return Ok(Err(AudioError::NoFrames));
                }
                return Ok(Ok(format.layout(body, size, len)));
            }
            _ => {}
        }
        // Chunks start at even offsets.
        reader.seek(SeekFrom::Start(body + size + (size & 1)))?;
    }
    Ok(Err(corrupt("no samples among the first 1000 chunks")))
}

/// Whether another chunk starts here. In that case, a preceding data chunk of length 0 is really empty.
fn chunk_follows(reader: &mut BufReader<Window>, len: u64) -> io::Result<bool> {
    let mut header = Vec::new();
    let here = reader.stream_position()?;
    reader.take(8).read_to_end(&mut header)?;
    if header.len() < 8 {
        return Ok(true);
    }
    let known: [&[u8]; 8] = [b"LIST", b"fact", b"id3 ", b"ID3 ", b"bext", b"cue ", b"JUNK", b"smpl"];
    Ok(known.contains(&&header[..4]) && here + 8 + u64::from(u32_at(&header, 4)) <= len)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Parsed `fmt ` chunk.
#[derive(Debug)]
struct Fmt {
    codec: Option<AudioCodecId>,
    rate: u32,
    channels: u16,
    block_bytes: u64,
    frames_per_block: u64,
}

fn parse_format(bytes: &[u8]) -> Result<Fmt, AudioError> {
    if bytes.len() < 16 {
        return Err(corrupt("the fmt chunk is too short"));
    }
    let mut tag = u16_at(bytes, 0);
    let channels = u16_at(bytes, 2);
    let rate = u32_at(bytes, 4);
    let block_align = u16_at(bytes, 12);
    let bits = u16_at(bytes, 14);
    AudioSpec { rate, channels: usize::from(channels) }.check()?;
    // WAVE_FORMAT_EXTENSIBLE: the first two bytes of the sub-format are the plain tag.
    if tag == 0xfffe {
        if bytes.len() < 26 {
            return Err(corrupt("the fmt chunk is too short"));
        }
        tag = u16_at(bytes, 24);
    }
    // A sample takes whole bytes: a recorder may declare 12 bits and store 16. The block alignment is
    // reliable.
    let sample_bytes = match block_align / channels {
        exact @ 1..=8 if block_align.is_multiple_of(channels) => exact,
        _ => bits.div_ceil(8),
    };
    let blocks = |overhead: u16, frames_of_overhead: u64| {
        let data = u64::from(block_align).checked_sub(u64::from(overhead * channels));
        data.map(|d| d * 2 / u64::from(channels) + frames_of_overhead)
    };
    let codec = match (tag, sample_bytes) {
        (1, 1) => CODEC_ID_PCM_U8,
        (1, 2) => CODEC_ID_PCM_S16LE,
        (1, 3) => CODEC_ID_PCM_S24LE,
        (1, 4) => CODEC_ID_PCM_S32LE,
        (3, 4) => CODEC_ID_PCM_F32LE,
        (3, 8) => CODEC_ID_PCM_F64LE,
        (6, _) => CODEC_ID_PCM_ALAW,
        (7, _) => CODEC_ID_PCM_MULAW,
        (2, _) if bits == 4 && channels <= 2 => CODEC_ID_ADPCM_MS,
        (0x11, _) if bits == 4 && channels <= 2 => CODEC_ID_ADPCM_IMA_WAV,
        (0x50 | 0x55, _) => {
            return Ok(Fmt { codec: None, rate, channels, block_bytes: 1, frames_per_block: 1 });
        }
        _ => return Err(AudioError::UnsupportedCodec { what: describe(tag, bits) }),
    };
    let (block_bytes, frames_per_block) = match tag {
        2 => (u64::from(block_align), blocks(7, 2).unwrap_or(0)),
        0x11 => (u64::from(block_align), blocks(4, 1).unwrap_or(0)),
        6 | 7 => (u64::from(channels), 1),
        _ => (u64::from(sample_bytes) * u64::from(channels), 1),
    };
    if block_bytes == 0 || frames_per_block == 0 {
        return Err(corrupt("the fmt chunk declares blocks without frames"));
    }
    Ok(Fmt { codec: Some(codec), rate, channels, block_bytes, frames_per_block })
}

/// Name of an unsupported format. Tags as in Microsoft's `mmreg.h`.
fn describe(tag: u16, bits: u16) -> String {
    match tag {
        1 => format!("WAV with {bits}-bit integer samples"),
        2 | 0x11 => "WAV with this variant of ADPCM".into(),
        3 => format!("WAV with {bits}-bit float samples"),
        0x31 => "WAV with GSM 6.10".into(),
        0x42 | 0x111 => "WAV with G.723.1".into(),
        0x45 | 0x64 => "WAV with G.726".into(),
        0x65 | 0x28f => "WAV with G.722".into(),
        0x83 | 0x133 => "WAV with G.729".into(),
        0xff | 0x1600..=0x1610 => "WAV with AAC".into(),
        0x160..=0x163 => "WAV with WMA".into(),
        other => format!("WAV with format tag {other:#06x}"),
    }
}

impl Fmt {
    fn layout(self, start: u64, promised: u64, file_len: u64) -> WavLayout {
        let available = file_len.saturating_sub(start);
        let unknown = PLACEHOLDERS.contains(&promised);
        let bytes = if unknown { available } else { promised.min(available) };
        let params = self.codec.map(|codec| {
            let mut params = AudioCodecParameters::new();
            params
                .for_codec(codec)
                .with_sample_rate(self.rate)
                .with_channels(Channels::Discrete(self.channels))
                .with_frames_per_block(self.frames_per_block)
                .with_max_frames_per_packet(frames_per_packet(self.frames_per_block));
            params
        });
        let promised_frames =
            (!unknown && params.is_some()).then(|| promised / self.block_bytes * self.frames_per_block);
        WavLayout {
            params,
            start,
            end: start + bytes,
            promised_frames,
            block_bytes: self.block_bytes,
            frames_per_block: self.frames_per_block,
        }
    }
}

/// Frames of a packet: whole blocks.
pub(super) fn frames_per_packet(frames_per_block: u64) -> u64 {
    (FRAMES_PER_PACKET / frames_per_block).max(1) * frames_per_block
}
