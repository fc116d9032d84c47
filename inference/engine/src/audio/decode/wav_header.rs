//! Headers of RIFF/WAVE, RF64 and BW64 files, as recorders and phone systems write them.
//!
//! FFmpeg's reader trusts the length in the header, and walks over everything behind the samples. This reader
//! trusts the header as little as possible: it locates the samples, and makes a plain header for FFmpeg.

use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};

use crate::audio::decode::source::Window;
use crate::audio::error::AudioError;
use crate::audio::spec::AudioSpec;

/// Data lengths of recorders that do not know the length yet and never correct it: zero, all ones (ffmpeg to
/// a pipe), the largest signed number, and sox's value for pipes.
const PLACEHOLDERS: [u64; 4] = [0, 0xffff_ffff, 0x7fff_ffff, 0x7fff_f000];
/// Maximum number of chunks before the samples. Real files have fewer than ten.
const MAX_CHUNKS: usize = 1000;
/// Bytes of a fmt chunk that are read. The longest known has 50 (MS ADPCM).
const MAX_FORMAT: u64 = 1024;

/// Position of the samples in a WAVE file, and their format.
#[derive(Debug)]
pub(super) struct WavLayout {
    /// Format tag.
    pub(super) tag: u16,
    /// Header of a WAVE file whose samples end with the file.
    pub(super) header: Vec<u8>,
    /// Offset of the samples.
    pub(super) start: u64,
    /// Offset after the samples, at most the size of the file.
    pub(super) end: u64,
    /// Seconds according to the header; `None` if it gives none.
    pub(super) promised_seconds: Option<f64>,
    /// What the user should know about the header.
    pub(super) note: Option<String>,
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
                let mut bytes = Vec::new();
                reader.by_ref().take(size.min(MAX_FORMAT)).read_to_end(&mut bytes)?;
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
                let follows =
                    !PLACEHOLDERS.contains(&size) && !chunks_follow(reader, body + size + (size & 1), len)?;
                return Ok(Ok(format.layout(body, size, len, follows)));
            }
            _ => {}
        }
        // Chunks start at even offsets.
        reader.seek(SeekFrom::Start(body + size + (size & 1)))?;
    }
    Ok(Err(corrupt("no samples among the first 1000 chunks")))
}

/// Chunks that follow the samples in real files.
const TRAILING: [&[u8]; 16] = [
    b"LIST", b"fact", b"id3 ", b"ID3 ", b"bext", b"cue ", b"JUNK", b"junk", b"smpl", b"inst", b"PEAK",
    b"iXML", b"axml", b"_PMX", b"chna", b"FLLR",
];

/// Whether another chunk starts here. In that case, a preceding data chunk of length 0 is really empty.
fn chunk_follows(reader: &mut BufReader<Window>, len: u64) -> io::Result<bool> {
    let here = reader.stream_position()?;
    chunks_follow(reader, here, len)
}

/// Whether the file ends at `here`, or goes on with a chunk. Otherwise samples go on: the recorder died before
/// it wrote their length, or the length exceeds 4 GiB.
fn chunks_follow(reader: &mut BufReader<Window>, here: u64, len: u64) -> io::Result<bool> {
    if here >= len {
        return Ok(true);
    }
    reader.seek(SeekFrom::Start(here))?;
    let mut header = Vec::new();
    reader.take(8).read_to_end(&mut header)?;
    if header.len() < 8 {
        return Ok(true);
    }
    // A chunk that is not among the known ones fits into the file, and so does the header behind it.
    let printable = header[..4].iter().all(|byte| (0x20..0x7f).contains(byte));
    Ok((TRAILING.contains(&&header[..4]) || printable) && here + 8 + u64::from(u32_at(&header, 4)) <= len + 1)
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
    tag: u16,
    /// The chunk's bytes, as FFmpeg is to see them.
    bytes: Vec<u8>,
    /// Bytes of a second.
    bytes_per_second: f64,
    /// Bytes of a block, the smallest unit of the codec.
    block_bytes: u64,
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
    let block_bytes = match tag {
        1 | 3 => u64::from(sample_bytes) * u64::from(channels),
        6 | 7 => u64::from(channels),
        _ => u64::from(block_align),
    };
    // Frames of a block of ADPCM: a byte holds two, and each channel has a header with some.
    let frames = |overhead: u16, frames_of_overhead: u64| {
        let data = u64::from(block_align).checked_sub(u64::from(overhead) * u64::from(channels));
        data.map_or(0, |data| data * 2 / u64::from(channels) + frames_of_overhead)
    };
    let frames_per_block = match tag {
        1 | 3 if !matches!(sample_bytes, 1..=8) => {
            return Err(corrupt("the fmt chunk declares samples without bytes"));
        }
        1 | 3 | 6 | 7 => 1,
        2 => frames(7, 2),
        0x11 => frames(4, 1),
        _ => 0,
    };
    if matches!(tag, 2 | 0x11) && (block_bytes == 0 || frames_per_block == 0) {
        return Err(corrupt("the fmt chunk declares blocks without frames"));
    }
    let bytes_per_second = match frames_per_block {
        0 => f64::from(u32_at(bytes, 8)),
        frames => block_bytes as f64 * f64::from(rate) / frames as f64,
    };
    let mut bytes = bytes.to_vec();
    if matches!(tag, 1 | 3 | 6 | 7) {
        // FFmpeg takes the codec from the bits of a sample. The sub-format of an extensible header repeats the
        // tag, and the rest of it is about the order of channels.
        let bits = if matches!(tag, 6 | 7) { 8 } else { sample_bytes * 8 };
        bytes.truncate(16);
        bytes[0..2].copy_from_slice(&tag.to_le_bytes());
        bytes[12..14].copy_from_slice(&u16::try_from(block_bytes).unwrap_or(u16::MAX).to_le_bytes());
        bytes[14..16].copy_from_slice(&bits.to_le_bytes());
    }
    Ok(Fmt { tag, bytes, bytes_per_second, block_bytes: block_bytes.max(1) })
}

impl Fmt {
    /// `goes_on`: whether samples follow behind the promised length.
    fn layout(self, start: u64, promised: u64, file_len: u64, goes_on: bool) -> WavLayout {
        let available = file_len.saturating_sub(start);
        let unknown = PLACEHOLDERS.contains(&promised) || goes_on;
        let bytes = if unknown { available } else { promised.min(available) };
        let seconds =
            |bytes: u64| (bytes / self.block_bytes * self.block_bytes) as f64 / self.bytes_per_second;
        let known = self.bytes_per_second > 0.0;
        let note = (goes_on && known).then(|| {
            format!(
                "the header gives a length of {:.1} s, the file has {:.1} s: all of it was read",
                seconds(promised),
                seconds(available)
            )
        });
        WavLayout {
            promised_seconds: (!unknown && known).then(|| seconds(promised)),
            tag: self.tag,
            header: header(&self.bytes),
            start,
            end: start + bytes,
            note,
        }
    }
}

/// Header of a WAVE file with this fmt chunk, and samples until the end of the file: FFmpeg takes a length of
/// 0 for that.
fn header(format: &[u8]) -> Vec<u8> {
    let mut header = b"RIFF\xff\xff\xff\xffWAVEfmt ".to_vec();
    header.extend(u32::try_from(format.len()).unwrap_or(0).to_le_bytes());
    header.extend(format);
    if !format.len().is_multiple_of(2) {
        header.push(0);
    }
    header.extend(b"data\0\0\0\0");
    header
}
