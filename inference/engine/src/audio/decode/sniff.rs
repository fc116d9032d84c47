//! Format detection from the first bytes of a file. No I/O. FFmpeg has the final say.
//!
//! The command line asks this module which files of a folder are audio. The engine asks it whether a file that
//! FFmpeg refuses is damaged audio, or no audio.

/// Bytes of a file's start for [`sniff`]. An MPEG frame has at most 2881 bytes, so that three in a row fit
/// after some leading garbage.
pub const HEAD_LEN: usize = 64 << 10;

/// Format detected from the first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// RIFF/WAVE, or its 64-bit variants RF64 and BW64.
    Wave,
    /// Container or stream with a magic number.
    Container,
    /// MPEG audio, ADTS AAC or GSM: bare frames without a magic number for the file.
    Frames,
    /// Unknown format.
    Unknown,
}

/// Magic numbers, with their offsets.
const MAGIC: &[(usize, &[u8])] = &[
    (0, b"fLaC"),
    (0, b"OggS"),
    (0, b"caff"),
    (0, b"\x1a\x45\xdf\xa3"),
    (8, b"AIFF"),
    (8, b"AIFC"),
    (4, b"ftyp"),
    (4, b"moov"),
    (4, b"mdat"),
    (4, b"wide"),
    (4, b"skip"),
    (4, b"free"),
    (4, b"pnot"),
    (0, b"RIFX"),
    (8, b"AVI "),
    (0, b"riff\x2e\x91\xcf\x11"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    (0, b"#!AMR"),
    (0, b"#!iLBC"),
    (0, b"wvPk"),
    (0, b"MAC "),
    (0, b"TTA1"),
    (0, b"TTA2"),
    (0, b"tBaK"),
    (0, b"MPCK"),
    (0, b"MP+"),
    (0, b"DSD "),
    (0, b"FRM8"),
    (0, b".snd"),
    (0, b".RMF"),
    (0, b".ra\xfd"),
    (0, b"FLV\x01"),
    (0, b"\x00\x00\x01\xba"),
    (0, b"NIST_1A"),
    (0, b"Creative Voice File\x1a"),
    (0, b"\x0b\x77"),
    (0, b"\x7f\xfe\x80\x01"),
    (0, b"\xfe\x7f\x01\x80"),
    (0, b"2BIT"),
    (0, b"8SVX"),
    (8, b"8SVX"),
    (0, b"\x64\xa3\x01\x00"),
    (0, b"OMG\x05"),
    (0, b"ea3\x03"),
    (0, b".SoX"),
    (0, b"XoS."),
    (8, b"QLCM"),
    (8, b"XWMA"),
    (0, b"\x06\x0e\x2b\x34"),
    (0, b"nut/multimedia container\0"),
];

/// Whether a file with these first bytes (up to [`HEAD_LEN`]) is audio or video.
pub fn begins_like_audio(head: &[u8]) -> bool {
    id3_len(head) > 0 || sniff(head) != Format::Unknown
}

/// Detects the format of a file from its first bytes (up to [`HEAD_LEN`]).
pub(crate) fn sniff(head: &[u8]) -> Format {
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    if at(8, b"WAVE") && (at(0, b"RIFF") || at(0, b"RF64") || at(0, b"BW64")) {
        return Format::Wave;
    }
    if MAGIC.iter().any(|&(offset, magic)| at(offset, magic)) || is_transport_stream(head) {
        return Format::Container;
    }
    if has_frames(head) || has_gsm_frames(head) { Format::Frames } else { Format::Unknown }
}

/// Length in bytes of an ID3v2 tag at the start; 0 if there is none.
pub(crate) fn id3_len(head: &[u8]) -> u64 {
    match head {
        [b'I', b'D', b'3', _, _, flags, a, b, c, d, ..] if (a | b | c | d) & 0x80 == 0 => {
            let body = [a, b, c, d].iter().fold(0, |len, &&b| len << 7 | u64::from(b));
            // The header, and a footer if its flag is set.
            10 + body + if flags & 0x10 == 0 { 0 } else { 10 }
        }
        _ => 0,
    }
}

/// Whether five packets of 188 bytes start with a sync byte; for a shorter head, all of its packets, at least
/// two.
fn is_transport_stream(head: &[u8]) -> bool {
    let sync_bytes: Vec<_> = head.iter().step_by(188).take(5).collect();
    sync_bytes.len() >= 2 && sync_bytes.iter().all(|&&b| b == 0x47)
}

/// Consecutive frames of one kind that are required. Random bytes have them at one of 2^40 positions.
const FRAMES_IN_A_ROW: usize = 3;

/// Whether the head starts with a frame of AAC in ADTS.
pub(super) fn is_adts(head: &[u8]) -> bool {
    matches!(head, [0xff, second, ..] if second & 0xf6 == 0xf0)
}

/// Whether the head contains consecutive frames. A head that ends within the first frames is accepted if it
/// starts with one: a recording of 50 ms has no more.
fn has_frames(head: &[u8]) -> bool {
    (0..head.len().saturating_sub(4)).any(|start| {
        let mut at = start;
        let mut kind = None;
        for seen in 0..FRAMES_IN_A_ROW {
            let Some(header) = head.get(at..at + 6) else { return start == 0 && seen > 0 };
            let Some((len, this)) = frame(header) else { return false };
            if *kind.get_or_insert(this) != this {
                return false;
            }
            at += len;
        }
        true
    })
}

/// Whether the head is frames of GSM 06.10, of 33 bytes: each begins with the bits 1101.
fn has_gsm_frames(head: &[u8]) -> bool {
    head.len() >= 33 * 10 && head.iter().step_by(33).all(|byte| byte >> 4 == 0xd)
}

/// Length in bytes of the frame with this header, and the header bits that all frames of a file share.
pub(super) fn frame(h: &[u8]) -> Option<(usize, [u8; 2])> {
    if h[0] != 0xff || h[1] & 0xe0 != 0xe0 {
        return None;
    }
    if h[1] & 0xf6 == 0xf0 {
        // ADTS: 13 bits of length in bytes 3 to 5; sampling indexes 13 to 15 are not assigned.
        let len = usize::from(h[3] & 3) << 11 | usize::from(h[4]) << 3 | usize::from(h[5]) >> 5;
        return (len > 7 && (h[2] >> 2) & 15 < 13).then_some((len, [h[1], h[2] & 0xfc]));
    }
    let (version, layer) = ((h[1] >> 3) & 3, (h[1] >> 1) & 3);
    let (bitrate, rate, padding) = (h[2] >> 4, (h[2] >> 2) & 3, usize::from(h[2] >> 1) & 1);
    if version == 1 || layer == 0 || rate == 3 {
        return None;
    }
    // ISO/IEC 11172-3 and 13818-3, kbit/s by index; 0 ("free") and 15 are not assigned.
    const V1_L1: [usize; 14] = [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448];
    const V1_L2: [usize; 14] = [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
    const V1_L3: [usize; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const V2_L1: [usize; 14] = [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256];
    const V2_L23: [usize; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    let first = version == 3;
    let table = match (first, layer) {
        (true, 3) => V1_L1,
        (true, 2) => V1_L2,
        (true, _) => V1_L3,
        (false, 3) => V2_L1,
        (false, _) => V2_L23,
    };
    let bits = table.get(usize::from(bitrate).checked_sub(1)?)? * 1000;
    let hertz = [44_100, 48_000, 32_000][usize::from(rate)] / if first { 1 } else { 2 };
    let hertz = if version == 0 { hertz / 2 } else { hertz };
    let len = match layer {
        3 => (12 * bits / hertz + padding) * 4,
        1 if !first => 72 * bits / hertz + padding,
        _ => 144 * bits / hertz + padding,
    };
    (len > 4).then_some((len, [h[1], h[2] & 0x0c]))
}
