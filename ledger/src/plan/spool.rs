//! Records on disk while a plan is made: what is long is there, and memory keeps what has a fixed size.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use serde::{Serialize, de::DeserializeOwned};

/// Bytes that wait in memory to be written: enough that writes cost nothing beside what makes the records.
const BUFFER: usize = 256 << 10;

/// Bits of a record's length in a [`Spot`]: 16 MiB, where the longest record (a key, an id, a tag) has some KiB. The
/// other 40 hold where it begins: 1 TiB, the records of five billion recordings.
const LENGTH_BITS: u32 = 24;

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(super) struct Spot(u64);

impl Spot {
    /// No record: one of no bytes, which JSON has not.
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

/// Records, in a file without a name: it is gone with the process, however that ends.
#[derive(Debug)]
pub(super) struct Spool {
    file: File,
    /// What the file does not have yet.
    buffer: Vec<u8>,
    written: u64,
}

impl Spool {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { file: tempfile::tempfile()?, buffer: Vec::with_capacity(BUFFER), written: 0 })
    }

    /// Keeps a record.
    pub(super) fn push(&mut self, record: &impl Serialize) -> io::Result<Spot> {
        if self.buffer.len() >= BUFFER {
            self.file.write_all(&self.buffer)?;
            self.written += self.buffer.len() as u64;
            self.buffer.clear();
        }
        let begin = self.buffer.len();
        serde_json::to_writer(&mut self.buffer, record)?;
        Spot::new(self.written + begin as u64, self.buffer.len() - begin)
            .ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))
    }

    /// Reads a record.
    pub(super) fn get<T: DeserializeOwned>(&self, spot: Spot) -> io::Result<T> {
        // A record is in one of the two as a whole: the buffer is written whole.
        if let Some(begin) = spot.offset().checked_sub(self.written) {
            let begin = usize::try_from(begin).unwrap_or(usize::MAX);
            let record = self.buffer.get(begin..begin.saturating_add(spot.length()));
            return Ok(serde_json::from_slice(record.ok_or(io::ErrorKind::UnexpectedEof)?)?);
        }
        let mut record = vec![0; spot.length()];
        self.file.read_exact_at(&mut record, spot.offset())?;
        Ok(serde_json::from_slice(&record)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_from_memory_and_disk() {
        let mut spool = Spool::new().unwrap();
        let text = |number: usize| format!("{number} ").repeat(number % 100);
        let spots: Vec<_> = (0..20_000).map(|number| spool.push(&text(number)).unwrap()).collect();
        assert!(spool.written > 0 && !spool.buffer.is_empty());
        for (number, spot) in spots.into_iter().enumerate() {
            assert_eq!(spool.get::<String>(spot).unwrap(), text(number));
        }
        assert!(spool.get::<String>(Spot::NONE).is_err());
    }
}
