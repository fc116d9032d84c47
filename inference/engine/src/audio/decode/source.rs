//! Files as sources for demuxers: bounded parts, with a log of read errors.
//!
//! FFmpeg turns every failed read into "end of stream" or an error of their own. The [`ReadLog`] keeps the
//! real cause and outlives them.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use verbatim_ffmpeg::Format;

use crate::audio::error::AudioError;

/// How often a demuxer may read each byte of a file on average (probing, an index at the end, a resync).
const READ_FACTOR: u64 = 8;
/// Additional bytes that a demuxer may read, for small files. Without a budget, a hostile index could make
/// the demuxer read back and forth for ever. Reading 64 MiB takes well under a second.
const READ_ALLOWANCE: u64 = 64 << 20;

/// Log of the reads of a demuxer.
#[derive(Debug, Default)]
pub(super) struct ReadLog {
    bytes_read: AtomicU64,
    ended_early: AtomicBool,
    skipped: AtomicU64,
    budget_exceeded: AtomicBool,
    error: Mutex<Option<io::Error>>,
}

impl ReadLog {
    /// Bytes read so far, repeated reads included.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// Whether the file ended before the size that it had when it was opened.
    pub(super) fn ended_early(&self) -> bool {
        self.ended_early.load(Ordering::Relaxed)
    }

    /// Adds bytes between frames that no demuxer has seen.
    pub(super) fn add_skipped(&self, bytes: u64) {
        self.skipped.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes between frames that no demuxer has seen.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Whether the demuxer used up its budget of reads.
    pub(super) fn budget_exceeded(&self) -> bool {
        self.budget_exceeded.load(Ordering::Relaxed)
    }

    /// Takes the error of the last failed read.
    pub(super) fn take_error(&self) -> Option<io::Error> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn record(&self, error: &io::Error) {
        let copy = match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(error.kind(), error.to_string()),
        };
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(copy);
    }
}

/// Open file, with its metadata when it was opened.
#[derive(Debug)]
pub(crate) struct OpenFile {
    file: Arc<File>,
    before: Metadata,
    /// Extension of its name, in lower case.
    extension: String,
}

/// Formats without a header or frames that can be recognised, by the extension of their files. Telephony has
/// 8 kHz, which FFmpeg does not assume for all of them.
const HEADERLESS: &[(&str, Format<'static>)] = &[
    ("g722", format("g722", "")),
    ("g726", format("g726", "")),
    ("g723_1", format("g723_1", "")),
    ("g723", format("g723_1", "")),
    ("tco", format("g723_1", "")),
    ("g729", format("g729", "")),
    ("gsm", format("gsm", "")),
    ("sln", format("sln", "")),
    ("al", format("alaw", "sample_rate=8000")),
    ("alaw", format("alaw", "sample_rate=8000")),
    ("ul", format("mulaw", "sample_rate=8000")),
    ("ulaw", format("mulaw", "sample_rate=8000")),
    ("sbc", format("sbc", "")),
];

const fn format(name: &'static str, options: &'static str) -> Format<'static> {
    Format { name, options }
}

impl OpenFile {
    /// Opens a regular file for reading.
    pub(crate) fn open(path: &Path) -> Result<Self, AudioError> {
        // Checked before opening: opening a named pipe blocks until there is a writer.
        let kind = std::fs::metadata(path).map_err(|e| AudioError::from_io(e, None))?;
        if !kind.is_file() {
            return Err(AudioError::NotAFile);
        }
        let file = File::open(path).map_err(|e| AudioError::from_io(e, None))?;
        let before = file.metadata().map_err(|e| AudioError::from_io(e, None))?;
        if before.len() == 0 {
            return Err(AudioError::NoBytes);
        }
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        Ok(Self { file: Arc::new(file), before, extension })
    }

    /// Format that only the file's name tells.
    pub(super) fn headerless_format(&self) -> Option<Format<'static>> {
        HEADERLESS.iter().find(|(extension, _)| *extension == self.extension).map(|(_, format)| *format)
    }

    /// Length in bytes when it was opened.
    pub(super) fn len(&self) -> u64 {
        self.before.len()
    }

    /// Whether size or modification time changed since the file was opened.
    pub(super) fn changed(&self) -> bool {
        match self.file.metadata() {
            Ok(now) => now.len() != self.before.len() || now.modified().ok() != self.before.modified().ok(),
            // The file disappeared (on a network file system): reads will fail.
            Err(_) => false,
        }
    }

    /// Reads up to `len` bytes from `start`.
    pub(crate) fn head(&self, start: u64, len: usize) -> Result<Vec<u8>, AudioError> {
        let mut head = Vec::with_capacity(len);
        let (window, _) = self.window(start, start.saturating_add(len as u64));
        window.take(len as u64).read_to_end(&mut head).map_err(|e| AudioError::from_io(e, None))?;
        Ok(head)
    }

    /// Source of the bytes from `start` to `end`, and its log.
    pub(super) fn window(&self, start: u64, end: u64) -> (Window, Arc<ReadLog>) {
        let log = Arc::new(ReadLog::default());
        let end = end.min(self.len());
        let start = start.min(end);
        let budget = (end - start).saturating_mul(READ_FACTOR).saturating_add(READ_ALLOWANCE);
        let file = Arc::clone(&self.file);
        (Window { file, start, end, position: 0, budget, log: Arc::clone(&log) }, log)
    }
}

/// Part of a file as a seekable source that starts at 0.
#[derive(Debug)]
pub(super) struct Window {
    file: Arc<File>,
    start: u64,
    end: u64,
    /// Relative to `start`.
    position: u64,
    /// Remaining bytes that may be read.
    budget: u64,
    log: Arc<ReadLog>,
}

impl Window {
    /// Length in bytes.
    pub(super) fn len(&self) -> u64 {
        self.end - self.start
    }
}

impl Read for Window {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.len().saturating_sub(self.position);
        let want = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if want == 0 {
            return Ok(0);
        }
        if self.budget == 0 {
            self.log.budget_exceeded.store(true, Ordering::Relaxed);
            return Err(io::Error::other("the file's index loops"));
        }
        let got = loop {
            match self.file.read_at(&mut buf[..want], self.start + self.position) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                other => break other,
            }
        };
        let got = got.inspect_err(|e| self.log.record(e))?;
        if got == 0 {
            self.log.ended_early.store(true, Ordering::Relaxed);
        }
        self.position += got as u64;
        self.budget = self.budget.saturating_sub(got as u64);
        self.log.bytes_read.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(delta) => self.len().checked_add_signed(delta),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
        };
        // A header may hold any offset; file offsets end at i64::MAX.
        self.position = target
            .filter(|t| t.checked_add(self.start).is_some_and(|offset| i64::try_from(offset).is_ok()))
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek out of range"))?;
        Ok(self.position)
    }
}

impl verbatim_ffmpeg::Source for Window {
    fn length(&self) -> Option<u64> {
        Some(self.len())
    }
}

/// Part of a file behind bytes that replace what was in front of it.
#[derive(Debug)]
pub(super) struct Spliced {
    head: Vec<u8>,
    rest: Window,
    position: u64,
}

impl Spliced {
    /// Puts `head` in front of `rest`.
    pub(super) fn new(head: Vec<u8>, rest: Window) -> Self {
        Self { head, rest, position: 0 }
    }
}

impl Read for Spliced {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let got = match usize::try_from(self.position).ok().and_then(|at| self.head.get(at..)) {
            Some(mut head) if !head.is_empty() => head.read(buf)?,
            _ => {
                self.rest.seek(SeekFrom::Start(self.position - self.head.len() as u64))?;
                self.rest.read(buf)?
            }
        };
        self.position += got as u64;
        Ok(got)
    }
}

impl Seek for Spliced {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(delta) => {
                verbatim_ffmpeg::Source::length(self).and_then(|n| n.checked_add_signed(delta))
            }
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
        };
        self.position =
            target.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek out of range"))?;
        Ok(self.position)
    }
}

impl verbatim_ffmpeg::Source for Spliced {
    fn length(&self) -> Option<u64> {
        Some(self.head.len() as u64 + self.rest.len())
    }
}
