//! The file as the demuxers see it: bounded, watched, and honest about why a read ended.
//!
//! Demuxers turn every failed read into "end of stream" or into an error of their own. What really happened is
//! kept aside in a [`Watch`] that outlives them.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use symphonia::core::io::MediaSource;

use super::error::AudioError;

/// A demuxer may read each byte of a file this many times (probing, an index at the end, a resync) ...
const READ_FACTOR: u64 = 8;
/// ... and this much on top, for small files: a hostile index that sends the demuxer back and forth for ever
/// would otherwise never end. 64 MiB take well under a second to read.
const READ_ALLOWANCE: u64 = 64 << 20;

/// What happened to the file underneath a demuxer.
#[derive(Debug, Default)]
pub(super) struct Watch {
    bytes_read: AtomicU64,
    ended_early: AtomicBool,
    gave_up: AtomicBool,
    error: Mutex<Option<io::Error>>,
}

impl Watch {
    /// Bytes read so far, re-reads included.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// Whether the file ended before the length that it had when it was opened.
    pub(super) fn ended_early(&self) -> bool {
        self.ended_early.load(Ordering::Relaxed)
    }

    /// Whether the demuxer read the same bytes so often that it was cut off.
    pub(super) fn gave_up(&self) -> bool {
        self.gave_up.load(Ordering::Relaxed)
    }

    /// Takes the error of the last failed read or seek.
    pub(super) fn take_error(&self) -> Option<io::Error> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, error: &io::Error) {
        let copy = match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(error.kind(), error.to_string()),
        };
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(copy);
    }
}

/// An open file and what it looked like then.
#[derive(Debug)]
pub(super) struct OpenFile {
    file: Arc<File>,
    before: Metadata,
}

impl OpenFile {
    /// Opens a regular file for reading.
    pub(super) fn open(path: &Path) -> Result<Self, AudioError> {
        // Asked before opening: to open a named pipe blocks until someone writes.
        let kind = std::fs::metadata(path).map_err(|e| AudioError::from_io(e, None))?;
        if !kind.is_file() {
            return Err(AudioError::NotAFile);
        }
        let file = File::open(path).map_err(|e| AudioError::from_io(e, None))?;
        let before = file.metadata().map_err(|e| AudioError::from_io(e, None))?;
        if before.len() == 0 {
            return Err(AudioError::NoBytes);
        }
        Ok(Self { file: Arc::new(file), before })
    }

    /// Length in bytes when it was opened.
    pub(super) fn len(&self) -> u64 {
        self.before.len()
    }

    /// Whether length or modification time differ from those at opening.
    pub(super) fn changed(&self) -> bool {
        match self.file.metadata() {
            Ok(now) => now.len() != self.before.len() || now.modified().ok() != self.before.modified().ok(),
            // Gone from under us (a network file system): the reads tell.
            Err(_) => false,
        }
    }

    /// Reads up to `len` bytes from `start` on.
    pub(super) fn head(&self, start: u64, len: usize) -> Result<Vec<u8>, AudioError> {
        let mut head = Vec::with_capacity(len);
        let (window, _) = self.window(start, start.saturating_add(len as u64));
        window.take(len as u64).read_to_end(&mut head).map_err(|e| AudioError::from_io(e, None))?;
        Ok(head)
    }

    /// The bytes from `start` to `end` as a source of their own, and its watch.
    pub(super) fn window(&self, start: u64, end: u64) -> (Window, Arc<Watch>) {
        let watch = Arc::new(Watch::default());
        let end = end.min(self.len());
        let start = start.min(end);
        let budget = (end - start).saturating_mul(READ_FACTOR).saturating_add(READ_ALLOWANCE);
        let file = Arc::clone(&self.file);
        (Window { file, start, end, position: 0, budget, streaming: false, watch: Arc::clone(&watch) }, watch)
    }
}

/// A part of a file, as a seekable source that starts at 0.
#[derive(Debug)]
pub(super) struct Window {
    file: Arc<File>,
    start: u64,
    end: u64,
    /// From the window's start.
    position: u64,
    /// Bytes that may still be read.
    budget: u64,
    streaming: bool,
    watch: Arc<Watch>,
}

impl Window {
    /// Length in bytes.
    pub(super) fn len(&self) -> u64 {
        self.end - self.start
    }

    /// The same bytes as if from a pipe: no seeking, and the length is not known. Demuxers then take a cut file
    /// as it comes, where they refuse one whose length is not the promised one.
    pub(super) fn streaming(self) -> Self {
        Self { streaming: true, ..self }
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
            self.watch.gave_up.store(true, Ordering::Relaxed);
            return Err(io::Error::other("the file sends its reader in circles"));
        }
        let got = loop {
            match self.file.read_at(&mut buf[..want], self.start + self.position) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                other => break other,
            }
        };
        let got = got.inspect_err(|e| self.watch.keep(e))?;
        if got == 0 {
            self.watch.ended_early.store(true, Ordering::Relaxed);
        }
        self.position += got as u64;
        self.budget = self.budget.saturating_sub(got as u64);
        self.watch.bytes_read.fetch_add(got as u64, Ordering::Relaxed);
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
        // A header may send us anywhere; file offsets end at i64::MAX.
        self.position = target
            .filter(|t| t.checked_add(self.start).is_some_and(|offset| i64::try_from(offset).is_ok()))
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek out of range"))?;
        Ok(self.position)
    }
}

impl MediaSource for Window {
    fn is_seekable(&self) -> bool {
        !self.streaming
    }

    fn byte_len(&self) -> Option<u64> {
        (!self.streaming).then(|| self.len())
    }
}
