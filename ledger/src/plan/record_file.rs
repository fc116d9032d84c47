//! Temporary file of records for a plan in the making: data of variable size, to which memory keeps
//! references.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use serde::{Serialize, de::DeserializeOwned};

/// Size of the write buffer in bytes: large enough that writes cost little compared with making the records.
const BUFFER: usize = 256 << 10;

/// Bits for a record's length in a [`RecordRef`]: 16 MiB; the longest record (a key, an ID, an ETag) has some
/// KiB. The other 40 bits are its offset: 1 TiB, the records of five billion recordings.
const LENGTH_BITS: u32 = 24;

/// Offset and length of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(super) struct RecordRef(u64);

impl RecordRef {
    /// No record: one of zero bytes, which JSON never has.
    pub(super) const NONE: Self = Self(0);

    fn new(offset: u64, length: usize) -> Option<Self> {
        let fits = length < 1 << LENGTH_BITS && offset < 1 << (u64::BITS - LENGTH_BITS);
        fits.then_some(Self(offset << LENGTH_BITS | length as u64))
    }

    fn offset(self) -> u64 {
        self.0 >> LENGTH_BITS
    }

    fn length(self) -> usize {
        (self.0 & ((1 << LENGTH_BITS) - 1)) as usize
    }
}

/// Records in an unnamed file, which vanishes with the process.
#[derive(Debug)]
pub(super) struct RecordFile {
    file: File,
    /// Bytes that are not written to the file yet.
    buffer: Vec<u8>,
    written: u64,
}

impl RecordFile {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { file: tempfile::tempfile()?, buffer: Vec::with_capacity(BUFFER), written: 0 })
    }

    /// Appends a record.
    pub(super) fn push(&mut self, record: &impl Serialize) -> io::Result<RecordRef> {
        if self.buffer.len() >= BUFFER {
            self.file.write_all(&self.buffer)?;
            self.written += self.buffer.len() as u64;
            self.buffer.clear();
        }
        let begin = self.buffer.len();
        serde_json::to_writer(&mut self.buffer, record)?;
        RecordRef::new(self.written + begin as u64, self.buffer.len() - begin)
            .ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))
    }

    /// Reads a record.
    pub(super) fn get<T: DeserializeOwned>(&self, reference: RecordRef) -> io::Result<T> {
        // The buffer is written as a whole, so a record is entirely in one of the two.
        if let Some(begin) = reference.offset().checked_sub(self.written) {
            let begin = usize::try_from(begin).unwrap_or(usize::MAX);
            let record = self.buffer.get(begin..begin.saturating_add(reference.length()));
            return Ok(serde_json::from_slice(record.ok_or(io::ErrorKind::UnexpectedEof)?)?);
        }
        let mut record = vec![0; reference.length()];
        self.file.read_exact_at(&mut record, reference.offset())?;
        Ok(serde_json::from_slice(&record)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_from_memory_and_disk() {
        let mut records = RecordFile::new().unwrap();
        let text = |number: usize| format!("{number} ").repeat(number % 100);
        let references: Vec<_> = (0..20_000).map(|number| records.push(&text(number)).unwrap()).collect();
        assert!(records.written > 0 && !records.buffer.is_empty());
        for (number, reference) in references.into_iter().enumerate() {
            assert_eq!(records.get::<String>(reference).unwrap(), text(number));
        }
        assert!(records.get::<String>(RecordRef::NONE).is_err());
    }
}
