//! Safe interface to `shim.c`, which documents its functions.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io::{self, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::Once;

use crate::error::Error;
use crate::types::{Block, Format, Received, Source, Stream};

/// Largest allocation of FFmpeg in bytes: more than any packet, frame or table of a real recording.
const MAX_ALLOCATION: usize = 200 << 20;
const END: c_int = 1;
const AGAIN: c_int = 2;

#[repr(C)]
struct RawInput {
    _opaque: [u8; 0],
}

#[repr(C)]
struct RawDecoder {
    _opaque: [u8; 0],
}

#[repr(C)]
struct RawSource {
    read: extern "C" fn(*mut c_void, *mut u8, c_int) -> c_int,
    seek: extern "C" fn(*mut c_void, i64) -> i64,
    source: *mut c_void,
    length: i64,
}

#[repr(C)]
struct RawStream {
    is_audio: c_int,
    is_default: c_int,
    has_decoder: c_int,
    rate: c_int,
    channels: c_int,
    start: f64,
    duration: f64,
    codec: *const c_char,
    language: *const c_char,
}

#[repr(C)]
struct RawBlock {
    rate: c_int,
    channels: c_int,
    frames: c_int,
    time: f64,
}

unsafe extern "C" {
    fn vf_init(max_allocation: usize);
    fn vf_error(code: c_int, message: *mut c_char, length: usize);
    fn vf_open(
        input: *mut *mut RawInput,
        source: *const RawSource,
        format: *const c_char,
        options: *const c_char,
    ) -> c_int;
    fn vf_close(input: *mut RawInput);
    fn vf_format(input: *const RawInput) -> *const c_char;
    fn vf_format_title(input: *const RawInput) -> *const c_char;
    fn vf_has_discontinuities(input: *const RawInput) -> c_int;
    fn vf_start(input: *const RawInput) -> f64;
    fn vf_duration(input: *const RawInput) -> f64;
    fn vf_is_estimated(input: *const RawInput) -> c_int;
    fn vf_stream_count(input: *const RawInput) -> c_int;
    fn vf_describe(input: *const RawInput, stream: c_int, description: *mut RawStream);
    fn vf_select(input: *mut RawInput, stream: c_int);
    fn vf_read(input: *mut RawInput, stream: *mut c_int, end: *mut c_int) -> c_int;
    fn vf_decoder_open(decoder: *mut *mut RawDecoder, input: *const RawInput, stream: c_int) -> c_int;
    fn vf_decoder_close(decoder: *mut RawDecoder);
    fn vf_codec(decoder: *const RawDecoder) -> *const c_char;
    fn vf_codec_title(decoder: *const RawDecoder) -> *const c_char;
    fn vf_send(decoder: *mut RawDecoder, input: *mut RawInput) -> c_int;
    fn vf_receive(decoder: *mut RawDecoder, block: *mut RawBlock) -> c_int;
    fn vf_channel(decoder: *const RawDecoder, channel: c_int) -> c_int;
    fn vf_copy(decoder: *const RawDecoder, channel: c_int, samples: *mut f32) -> c_int;
}

/// Source of an input, with a buffer: FFmpeg's own may be uninitialised, and keeps its bytes at the end of a
/// file, so that only bytes that were read may be written to it.
struct Reader {
    source: Box<dyn Source>,
    buffer: Vec<u8>,
}

extern "C" fn read(reader: *mut c_void, buffer: *mut u8, length: c_int) -> c_int {
    // SAFETY: `reader` is the pointer that `Input::open` passed on, to a value that lives as long as the input;
    // FFmpeg calls back only within functions that have the input borrowed mutably.
    let Reader { source, buffer: own } = unsafe { &mut *reader.cast::<Reader>() };
    let Ok(length) = usize::try_from(length) else { return -1 };
    own.resize(length.max(own.len()), 0);
    let got = catch_unwind(AssertUnwindSafe(|| {
        loop {
            match source.read(&mut own[..length]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        }
    }));
    let Ok(Ok(got)) = got else { return -1 };
    let got = got.min(length);
    // SAFETY: FFmpeg's buffer has `length` bytes, and is not the vector's.
    unsafe { ptr::copy_nonoverlapping(own.as_ptr(), buffer, got) };
    c_int::try_from(got).unwrap_or(-1)
}

extern "C" fn seek(reader: *mut c_void, offset: i64) -> i64 {
    // SAFETY: as in `read`.
    let source = unsafe { &mut (*reader.cast::<Reader>()).source };
    let Ok(offset) = u64::try_from(offset) else { return -1 };
    match catch_unwind(AssertUnwindSafe(|| source.seek(SeekFrom::Start(offset)))) {
        Ok(Ok(at)) => i64::try_from(at).unwrap_or(-1),
        _ => -1,
    }
}

fn check(code: c_int) -> Result<c_int, Error> {
    if code >= 0 {
        return Ok(code);
    }
    let mut message = [0u8; 128];
    // SAFETY: the buffer has this length, and `av_strerror` ends the text with a zero.
    unsafe { vf_error(code, message.as_mut_ptr().cast(), message.len()) };
    let text =
        CStr::from_bytes_until_nul(&message).map_or_else(|_| "unknown error".into(), CStr::to_string_lossy);
    Err(Error { code, message: text.into_owned() })
}

/// Text of FFmpeg that lives at least until this call; empty for a null pointer.
fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: FFmpeg's texts end with a zero.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

fn known(seconds: f64) -> Option<f64> {
    Some(seconds).filter(|seconds| seconds.is_finite())
}

/// Open file.
pub struct Input {
    raw: NonNull<RawInput>,
    /// Boxed, because FFmpeg has its address.
    _reader: Box<Reader>,
}

// SAFETY: an `AVFormatContext` is bound to no thread, and its source is `Send`.
unsafe impl Send for Input {}

impl Input {
    /// Opens a file, and finds its streams. The format is found by the content unless it is given.
    ///
    /// # Errors
    /// The content is of no known format, or is damaged.
    pub fn open(source: Box<dyn Source>, format: Option<Format<'_>>) -> Result<Self, Error> {
        static INIT: Once = Once::new();
        // SAFETY: sets two process-wide numbers of FFmpeg.
        INIT.call_once(|| unsafe { vf_init(MAX_ALLOCATION) });
        let length = source.length().and_then(|length| i64::try_from(length).ok()).unwrap_or(-1);
        let c_string = |text: &str| CString::new(text).unwrap_or_default();
        let format = format.map(|format| (c_string(format.name), c_string(format.options)));
        let (name, options) = format
            .as_ref()
            .map_or((ptr::null(), ptr::null()), |(name, options)| (name.as_ptr(), options.as_ptr()));
        let mut reader = Box::new(Reader { source, buffer: Vec::new() });
        let raw_source = RawSource { read, seek, source: ptr::from_mut(&mut *reader).cast(), length };
        let mut raw = ptr::null_mut();
        // SAFETY: the pointers are valid during the call, and the source is as long as the input.
        let code = unsafe { vf_open(&raw mut raw, &raw const raw_source, name, options) };
        check(code)?;
        let raw = NonNull::new(raw).ok_or_else(|| Error { code: -1, message: "no input".to_owned() })?;
        Ok(Self { raw, _reader: reader })
    }

    /// FFmpeg's name of the format.
    pub fn format(&self) -> String {
        // SAFETY: the input is open.
        text(unsafe { vf_format(self.raw.as_ptr()) })
    }

    /// Name of the format for people.
    pub fn format_title(&self) -> String {
        // SAFETY: the input is open.
        text(unsafe { vf_format_title(self.raw.as_ptr()) })
    }

    /// Whether times may jump in files of this format, without audio that is missing.
    pub fn has_discontinuities(&self) -> bool {
        // SAFETY: the input is open.
        unsafe { vf_has_discontinuities(self.raw.as_ptr()) != 0 }
    }

    /// Time of the first packet of all streams, in seconds.
    pub fn start(&self) -> Option<f64> {
        // SAFETY: the input is open.
        known(unsafe { vf_start(self.raw.as_ptr()) })
    }

    /// Duration in seconds of the longest stream; see [`Input::is_estimated`].
    pub fn duration(&self) -> Option<f64> {
        // SAFETY: the input is open.
        known(unsafe { vf_duration(self.raw.as_ptr()) })
    }

    /// Whether durations are estimates, by the size of the file and the bit rate of its start.
    pub fn is_estimated(&self) -> bool {
        // SAFETY: the input is open.
        unsafe { vf_is_estimated(self.raw.as_ptr()) != 0 }
    }

    /// Streams of the file. Some formats show more while they are read.
    pub fn streams(&self) -> Vec<Stream> {
        // SAFETY: the input is open.
        let count = unsafe { vf_stream_count(self.raw.as_ptr()) };
        (0..count)
            .map(|index| {
                let mut raw = RawStream {
                    is_audio: 0,
                    is_default: 0,
                    has_decoder: 0,
                    rate: 0,
                    channels: 0,
                    start: f64::NAN,
                    duration: f64::NAN,
                    codec: ptr::null(),
                    language: ptr::null(),
                };
                // SAFETY: the input is open and has a stream of this index; the texts are copied at once.
                unsafe { vf_describe(self.raw.as_ptr(), index, &raw mut raw) };
                Stream {
                    is_audio: raw.is_audio != 0,
                    is_default: raw.is_default != 0,
                    has_decoder: raw.has_decoder != 0,
                    rate: u32::try_from(raw.rate).unwrap_or(0),
                    channels: usize::try_from(raw.channels).unwrap_or(0),
                    start: known(raw.start),
                    duration: known(raw.duration),
                    codec: text(raw.codec),
                    language: Some(text(raw.language)).filter(|language| !language.is_empty()),
                }
            })
            .collect()
    }

    /// Reads only packets of this stream from now on.
    pub fn select(&mut self, stream: usize) {
        // SAFETY: the input is open; an index without a stream selects none.
        unsafe { vf_select(self.raw.as_ptr(), c_int::try_from(stream).unwrap_or(c_int::MAX)) };
    }

    /// Reads the next packet. Returns its stream; `None` at the end.
    ///
    /// # Errors
    /// The file is damaged, or its source failed.
    pub fn read(&mut self) -> Result<Option<usize>, Error> {
        let (mut stream, mut end) = (0, 0);
        // SAFETY: the input is open and borrowed mutably.
        check(unsafe { vf_read(self.raw.as_ptr(), &raw mut stream, &raw mut end) })?;
        Ok((end == 0).then(|| usize::try_from(stream).unwrap_or(usize::MAX)))
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        // SAFETY: the input is open and not used again. The source lives until after this function.
        unsafe { vf_close(self.raw.as_ptr()) };
    }
}

/// Decoder of one stream.
pub struct Decoder {
    raw: NonNull<RawDecoder>,
}

// SAFETY: an `AVCodecContext` with one thread is bound to none.
unsafe impl Send for Decoder {}

impl Decoder {
    /// Creates the decoder of a stream.
    ///
    /// # Errors
    /// There is no decoder of its codec, or it refuses the header.
    pub fn open(input: &Input, stream: usize) -> Result<Self, Error> {
        // SAFETY: the input is open.
        let count = unsafe { vf_stream_count(input.raw.as_ptr()) };
        let index = c_int::try_from(stream).ok().filter(|index| *index < count);
        let index = index.ok_or_else(|| Error { code: -1, message: "no such stream".to_owned() })?;
        let mut raw = ptr::null_mut();
        // SAFETY: the input is open and the stream exists.
        check(unsafe { vf_decoder_open(&raw mut raw, input.raw.as_ptr(), index) })?;
        let raw = NonNull::new(raw).ok_or_else(|| Error { code: -1, message: "no decoder".to_owned() })?;
        Ok(Self { raw })
    }

    /// FFmpeg's name of the codec.
    pub fn codec(&self) -> String {
        // SAFETY: the decoder is open.
        text(unsafe { vf_codec(self.raw.as_ptr()) })
    }

    /// Name of the codec for people.
    pub fn codec_title(&self) -> String {
        // SAFETY: the decoder is open.
        text(unsafe { vf_codec_title(self.raw.as_ptr()) })
    }

    /// Sends the packet that [`Input::read`] has read. Returns `false` if blocks have to be received first.
    ///
    /// # Errors
    /// The packet is damaged.
    pub fn send(&mut self, input: &mut Input) -> Result<bool, Error> {
        // SAFETY: decoder and input are open and borrowed mutably.
        Ok(check(unsafe { vf_send(self.raw.as_ptr(), input.raw.as_ptr()) })? != AGAIN)
    }

    /// Ends the stream: what the decoder holds back can be received.
    ///
    /// # Errors
    /// The decoder fails.
    pub fn end(&mut self) -> Result<(), Error> {
        // SAFETY: the decoder is open and borrowed mutably.
        check(unsafe { vf_send(self.raw.as_ptr(), ptr::null_mut()) }).map(drop)
    }

    /// Receives the next block.
    ///
    /// # Errors
    /// A packet is damaged, or its samples have an unknown format.
    pub fn receive(&mut self) -> Result<Received, Error> {
        let mut raw = RawBlock { rate: 0, channels: 0, frames: 0, time: f64::NAN };
        // SAFETY: the decoder is open and borrowed mutably.
        match check(unsafe { vf_receive(self.raw.as_ptr(), &raw mut raw) })? {
            AGAIN => return Ok(Received::Again),
            END => return Ok(Received::End),
            _ => {}
        }
        let frames = usize::try_from(raw.frames).unwrap_or(0);
        let mut planes = Vec::with_capacity(usize::try_from(raw.channels).unwrap_or(0));
        let mut positions = Vec::with_capacity(planes.capacity());
        for channel in 0..raw.channels {
            let mut samples = vec![0.0; frames];
            // SAFETY: the frame has this channel, and the vector as many samples as the frame.
            check(unsafe { vf_copy(self.raw.as_ptr(), channel, samples.as_mut_ptr()) })?;
            // SAFETY: as before.
            positions.push(unsafe { vf_channel(self.raw.as_ptr(), channel) });
            planes.push(samples);
        }
        let rate = u32::try_from(raw.rate).unwrap_or(0);
        Ok(Received::Block(Block { rate, planes, positions, time: known(raw.time) }))
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the decoder is open and not used again.
        unsafe { vf_decoder_close(self.raw.as_ptr()) };
    }
}
