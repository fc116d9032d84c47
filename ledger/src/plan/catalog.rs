//! Recordings of a plan in the making: data of fixed size in memory, the rest on disk.
//!
//! A million recordings take about 50 MB of memory and 150 MB of disk. Reads and writes block for as long as
//! the page cache takes, microseconds each.

use std::io;

use serde::{Deserialize, Serialize};
use verbatim_crds::destination::Format;
use verbatim_store::{ETag, Object};

use super::digest::NameDigest;
use super::error::PlanError;
use super::head::{LeftOut, MAX_FILES};
use super::list::ListEntry;
use super::naming::Naming;
use super::planned_file::PlannedFile;
use super::record_file::{RecordFile, RecordRef};

/// In-memory entry of a recording.
#[derive(Clone, Copy, Debug)]
pub(super) struct CatalogEntry {
    /// Digest of the transcript's key.
    pub(super) target: NameDigest,
    /// Size in bytes.
    pub(super) size: u64,
    /// Reference to what the listing or the list said: a [`PlannedFile`] without a target.
    record: RecordRef,
    /// Reference to the last note.
    notes: RecordRef,
    /// Whether the name of the transcript keeps the recording's extension.
    pub(super) keep_extension: bool,
}

/// A version found later. Each note refers to the previous one.
#[derive(Serialize, Deserialize)]
struct Note {
    before: RecordRef,
    /// Format of a transcript; `None`: the recording itself.
    format: Option<Format>,
    tag: String,
}

/// The recordings, in order.
#[derive(Debug)]
pub(super) struct Catalog {
    pub(super) naming: Naming,
    pub(super) formats: Vec<Format>,
    pub(super) entries: Vec<CatalogEntry>,
    pub(super) left_out: LeftOut,
    /// Whether a recording is named like a transcript, and could be overwritten by one.
    pub(super) has_transcript_names: bool,
    records: RecordFile,
    most: u64,
}

impl Catalog {
    pub(super) fn new(naming: Naming, formats: Vec<Format>) -> Result<Self, PlanError> {
        Ok(Self {
            naming,
            formats,
            entries: Vec::new(),
            left_out: LeftOut::default(),
            has_transcript_names: false,
            records: RecordFile::new().map_err(PlanError::TemporaryFile)?,
            most: MAX_FILES,
        })
    }

    /// Adds a recording from a listing.
    pub(super) fn push_listed(&mut self, object: Object) -> Result<(), PlanError> {
        self.push(&PlannedFile {
            key: object.key,
            size: object.size,
            etag: Some(object.etag),
            target: String::new(),
            existing: Default::default(),
            language: None,
            id: None,
            channel: None,
        })
    }

    /// Adds a recording that the job or a list names.
    pub(super) fn push_explicit(&mut self, key: String, entry: ListEntry) -> Result<(), PlanError> {
        self.push(&PlannedFile {
            key,
            size: 0,
            etag: None,
            target: String::new(),
            existing: Default::default(),
            language: entry.language,
            id: entry.id,
            channel: entry.channel,
        })
    }

    fn push(&mut self, file: &PlannedFile) -> Result<(), PlanError> {
        if self.entries.len() as u64 >= self.most {
            return Err(PlanError::TooMany { most: self.most });
        }
        self.has_transcript_names |= self.format_of(&file.key).is_some();
        self.entries.push(CatalogEntry {
            target: NameDigest::of(&self.naming.target(&file.key, false)),
            size: file.size,
            record: self.records.push(file).map_err(PlanError::TemporaryFile)?,
            notes: RecordRef::NONE,
            keep_extension: false,
        });
        Ok(())
    }

    /// Notes size and version of an explicitly named recording.
    pub(super) fn note_version(&mut self, index: u32, object: &Object) -> Result<(), PlanError> {
        self.entries[index as usize].size = object.size;
        self.note(index, None, &object.etag)
    }

    /// Notes an existing transcript of a recording.
    pub(super) fn note_existing(&mut self, index: u32, format: Format, etag: &ETag) -> Result<(), PlanError> {
        self.note(index, Some(format), etag)
    }

    fn note(&mut self, index: u32, format: Option<Format>, etag: &ETag) -> Result<(), PlanError> {
        let entry = &mut self.entries[index as usize];
        let note = Note { before: entry.notes, format, tag: etag.as_str().to_owned() };
        entry.notes = self.records.push(&note).map_err(PlanError::TemporaryFile)?;
        Ok(())
    }

    /// Splits a key into stem and format, if it has the extension of one of the job's formats.
    pub(super) fn format_of<'k>(&self, key: &'k str) -> Option<(&'k str, Format)> {
        let (stem, extension) = key.rsplit_once('.')?;
        let format = self.formats.iter().find(|format| format.extension() == extension)?;
        Some((stem, *format))
    }

    /// Number of recordings; indices are below it.
    pub(super) fn len(&self) -> u32 {
        // `push` allows at most MAX_FILES, which is less than 2^32.
        self.entries.len() as u32
    }

    /// Key of a recording.
    pub(super) fn key(&self, index: u32) -> Result<String, PlanError> {
        Ok(self.record(index).map_err(PlanError::TemporaryFile)?.key)
    }

    /// Address of a recording, for messages.
    pub(super) fn address(&self, index: u32) -> Result<String, PlanError> {
        Ok(self.naming.source.store.address(&self.key(index)?))
    }

    /// Key of a recording's transcript, without an extension.
    pub(super) fn target(&self, index: u32) -> Result<String, PlanError> {
        Ok(self.naming.target(&self.key(index)?, self.entries[index as usize].keep_extension))
    }

    /// A recording with all its data.
    pub(super) fn file(&self, index: u32) -> Result<PlannedFile, PlanError> {
        self.assemble(index).map_err(PlanError::TemporaryFile)
    }

    fn record(&self, index: u32) -> io::Result<PlannedFile> {
        self.records.get(self.entries[index as usize].record)
    }

    fn assemble(&self, index: u32) -> io::Result<PlannedFile> {
        let entry = self.entries[index as usize];
        let mut file = self.record(index)?;
        file.target = self.naming.target(&file.key, entry.keep_extension);
        file.size = entry.size;
        let mut next = entry.notes;
        while next != RecordRef::NONE {
            let note: Note = self.records.get(next)?;
            next = note.before;
            let tag = ETag::new(note.tag);
            // The last note counts, and is read first.
            match note.format {
                Some(format) => drop(file.existing.entry(format).or_insert(tag)),
                None => drop(file.etag.get_or_insert(tag)),
            }
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use verbatim_crds::destination::Layout;
    use verbatim_store::memory::MemoryStore;

    use super::*;
    use crate::store_location::StoreLocation;

    #[test]
    fn the_number_of_recordings_is_limited() {
        let location = StoreLocation { store: Arc::new(MemoryStore::new()), prefix: String::new() };
        let naming = Naming { layout: Layout::Mirror, source: location.clone(), destination: location };
        let mut catalog = Catalog { most: 2, ..Catalog::new(naming, vec![Format::Json]).unwrap() };
        catalog.push_explicit("a.wav".to_owned(), ListEntry::default()).unwrap();
        catalog.push_explicit("b.wav".to_owned(), ListEntry::default()).unwrap();
        let error = catalog.push_explicit("c.wav".to_owned(), ListEntry::default()).unwrap_err();
        assert_eq!(error.to_string(), "more than 2 recordings: split them into several jobs");
    }
}
