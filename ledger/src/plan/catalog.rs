//! The recordings that were found, while a plan is made of them: what has a fixed size in memory, the rest on disk.
//!
//! A million recordings are some 50 MB here and 150 MB on disk. Reads and writes block for as long as the page cache
//! takes, microseconds each.

use std::io;

use serde::{Deserialize, Serialize};
use verbatim_crds::destination::Format;
use verbatim_store::{ETag, Object};

use super::digest::Digest;
use super::error::PlanError;
use super::file::PlannedFile;
use super::list::Entry;
use super::naming::Naming;
use super::spool::{Spool, Spot};
use super::{LeftOut, MAX_FILES};

/// What memory keeps of a recording.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    /// Where its transcript goes.
    pub(super) target: Digest,
    /// Its bytes.
    pub(super) size: u64,
    /// What was known when it was found: a [`PlannedFile`] without a target.
    record: Spot,
    /// The last of its notes.
    notes: Spot,
    /// Whether its transcript keeps the whole name.
    pub(super) whole: bool,
}

/// A version that was found later; each names the one before it.
#[derive(Serialize, Deserialize)]
struct Note {
    before: Spot,
    /// Of the transcript in this format; of the recording itself where there is none.
    format: Option<Format>,
    tag: String,
}

/// The recordings that were found, in order.
#[derive(Debug)]
pub(super) struct Catalog {
    pub(super) naming: Naming,
    pub(super) formats: Vec<Format>,
    pub(super) facts: Vec<Fact>,
    pub(super) left_out: LeftOut,
    /// Whether a recording is named as transcripts are, so that one could be written over it.
    pub(super) some_look_like_transcripts: bool,
    spool: Spool,
    most: u64,
}

impl Catalog {
    pub(super) fn new(naming: Naming, formats: Vec<Format>) -> Result<Self, PlanError> {
        Ok(Self {
            naming,
            formats,
            facts: Vec::new(),
            left_out: LeftOut::default(),
            some_look_like_transcripts: false,
            spool: Spool::new().map_err(PlanError::Spool)?,
            most: MAX_FILES,
        })
    }

    /// Adds a recording that a listing has.
    pub(super) fn push_found(&mut self, object: Object) -> Result<(), PlanError> {
        self.push(&PlannedFile {
            key: object.key,
            size: object.size,
            etag: Some(object.etag),
            target: String::new(),
            there: Default::default(),
            language: None,
            id: None,
            channel: None,
        })
    }

    /// Adds a recording that somebody named.
    pub(super) fn push_named(&mut self, key: String, entry: Entry) -> Result<(), PlanError> {
        self.push(&PlannedFile {
            key,
            size: 0,
            etag: None,
            target: String::new(),
            there: Default::default(),
            language: entry.language,
            id: entry.id,
            channel: entry.channel,
        })
    }

    fn push(&mut self, file: &PlannedFile) -> Result<(), PlanError> {
        if self.facts.len() as u64 >= self.most {
            return Err(PlanError::TooMany { most: self.most });
        }
        self.some_look_like_transcripts |= self.format_of(&file.key).is_some();
        self.facts.push(Fact {
            target: Digest::of(self.naming.target(&file.key, false)),
            size: file.size,
            record: self.spool.push(file).map_err(PlanError::Spool)?,
            notes: Spot::NONE,
            whole: false,
        });
        Ok(())
    }

    /// Notes that a named recording is there.
    pub(super) fn note_found(&mut self, index: u32, object: &Object) -> Result<(), PlanError> {
        self.facts[index as usize].size = object.size;
        self.note(index, None, &object.etag)
    }

    /// Notes that a transcript of a recording is there.
    pub(super) fn note_there(&mut self, index: u32, format: Format, etag: &ETag) -> Result<(), PlanError> {
        self.note(index, Some(format), etag)
    }

    fn note(&mut self, index: u32, format: Option<Format>, etag: &ETag) -> Result<(), PlanError> {
        let fact = &mut self.facts[index as usize];
        let note = Note { before: fact.notes, format, tag: etag.as_str().to_owned() };
        fact.notes = self.spool.push(&note).map_err(PlanError::Spool)?;
        Ok(())
    }

    /// The format that a key's ending is of, among those of the job, and the key without it.
    pub(super) fn format_of<'k>(&self, key: &'k str) -> Option<(&'k str, Format)> {
        let (stem, ending) = key.rsplit_once('.')?;
        let format = self.formats.iter().find(|format| format.extension() == ending)?;
        Some((stem, *format))
    }

    /// How many there are; each index is below it.
    pub(super) fn len(&self) -> u32 {
        // `push` allows no more than MAX_FILES, which are fewer than 2^32.
        self.facts.len() as u32
    }

    /// The key of a recording.
    pub(super) fn key(&self, index: u32) -> Result<String, PlanError> {
        Ok(self.record(index).map_err(PlanError::Spool)?.key)
    }

    /// The address of a recording, for people.
    pub(super) fn address(&self, index: u32) -> Result<String, PlanError> {
        Ok(self.naming.source.store.address(&self.key(index)?))
    }

    /// The key of a recording's transcript, without an ending.
    pub(super) fn target(&self, index: u32) -> Result<String, PlanError> {
        Ok(self.naming.target(&self.key(index)?, self.facts[index as usize].whole))
    }

    /// A recording with everything that is known of it.
    pub(super) fn file(&self, index: u32) -> Result<PlannedFile, PlanError> {
        self.assemble(index).map_err(PlanError::Spool)
    }

    fn record(&self, index: u32) -> io::Result<PlannedFile> {
        self.spool.get(self.facts[index as usize].record)
    }

    fn assemble(&self, index: u32) -> io::Result<PlannedFile> {
        let fact = self.facts[index as usize];
        let mut file = self.record(index)?;
        file.target = self.naming.target(&file.key, fact.whole);
        file.size = fact.size;
        let mut next = fact.notes;
        while next != Spot::NONE {
            let note: Note = self.spool.get(next)?;
            next = note.before;
            let tag = ETag::new(note.tag);
            // The last note counts, and it comes first.
            match note.format {
                Some(format) => drop(file.there.entry(format).or_insert(tag)),
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
    use crate::place::Place;

    #[test]
    fn a_plan_has_bounds() {
        let place = Place { store: Arc::new(MemoryStore::new()), prefix: String::new() };
        let naming = Naming { layout: Layout::Mirror, source: place.clone(), destination: place };
        let mut catalog = Catalog { most: 2, ..Catalog::new(naming, vec![Format::Json]).unwrap() };
        catalog.push_named("a.wav".to_owned(), Entry::default()).unwrap();
        catalog.push_named("b.wav".to_owned(), Entry::default()).unwrap();
        let error = catalog.push_named("c.wav".to_owned(), Entry::default()).unwrap_err();
        assert_eq!(error.to_string(), "more than 2 recordings: make several jobs of them");
    }
}
