//! Keys of transcripts of the recordings in the catalog, by the rule of `unique_targets.rs`.
//!
//! Addresses identify recordings and transcripts: source and destination may be one bucket with two clients,
//! or nested folders.

use verbatim_crds::destination::Format;

use super::catalog::Catalog;
use super::digest::NameDigest;
use super::error::PlanError;
use super::naming::transcript_key;
use super::unique_targets::{Conflict, Recordings};

impl Recordings for Catalog {
    type Error = PlanError;

    fn count(&self) -> u32 {
        self.len()
    }

    fn target(&self, index: u32) -> NameDigest {
        self.entries[index as usize].target
    }

    fn keep_extension(&mut self, index: u32) -> Result<(), PlanError> {
        let target = NameDigest::of(self.naming.target(&self.key(index)?, true));
        let entry = &mut self.entries[index as usize];
        (entry.target, entry.keep_extension) = (target, true);
        Ok(())
    }

    fn replaceable(&self, index: u32) -> Result<Option<NameDigest>, PlanError> {
        // Keys are on disk: they are read only if there is anything to find.
        if !self.has_transcript_names || self.format_of(&self.key(index)?).is_none() {
            return Ok(None);
        }
        Ok(Some(NameDigest::of(self.address(index)?)))
    }

    fn transcripts(&self, index: u32) -> Result<Vec<(Format, NameDigest)>, PlanError> {
        let target = Catalog::target(self, index)?;
        let address = |format| self.naming.destination.store.address(&transcript_key(&target, format));
        Ok(self.formats.iter().map(|format| (*format, NameDigest::of(address(*format)))).collect())
    }

    fn refuse(&self, conflict: Conflict) -> PlanError {
        let describe = || {
            Ok(match conflict {
                Conflict::Collision(first, second) => PlanError::Collision {
                    first: self.address(first)?,
                    second: self.address(second)?,
                    target: self.naming.destination.store.address(&Catalog::target(self, first)?),
                },
                Conflict::OverRecording { recording, of, .. } => {
                    PlanError::OverRecording { recording: self.address(recording)?, of: self.address(of)? }
                }
            })
        };
        describe().unwrap_or_else(|unread| unread)
    }
}
