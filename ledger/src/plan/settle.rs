//! Names of transcripts of the recordings in the catalog, by the rule of `unique_targets.rs`.
//!
//! Addresses tell recordings and transcripts apart: source and destination may be one bucket through two clients, or
//! two folders of which one is in the other.

use verbatim_crds::destination::Format;

use super::catalog::Catalog;
use super::digest::Digest;
use super::error::PlanError;
use super::naming::with_ending;
use super::unique_targets::Recordings;

impl Recordings for Catalog {
    type Error = PlanError;

    fn count(&self) -> u32 {
        self.len()
    }

    fn target(&self, index: u32) -> Digest {
        self.facts[index as usize].target
    }

    fn keep_extension(&mut self, index: u32) -> Result<(), PlanError> {
        let target = Digest::of(self.naming.target(&self.key(index)?, true));
        let fact = &mut self.facts[index as usize];
        (fact.target, fact.whole) = (target, true);
        Ok(())
    }

    fn replaceable(&self, index: u32) -> Result<Option<Digest>, PlanError> {
        // Keys are on disk: they are read only where there is anything to find.
        if !self.some_look_like_transcripts || self.format_of(&self.key(index)?).is_none() {
            return Ok(None);
        }
        Ok(Some(Digest::of(self.address(index)?)))
    }

    fn transcripts(&self, index: u32) -> Result<Vec<(Format, Digest)>, PlanError> {
        let target = Catalog::target(self, index)?;
        let address = |format| self.naming.destination.store.address(&with_ending(&target, format));
        Ok(self.formats.iter().map(|format| (*format, Digest::of(address(*format)))).collect())
    }

    fn collision(&self, first: u32, second: u32) -> PlanError {
        let error = || {
            Ok(PlanError::Collision {
                first: self.address(first)?,
                second: self.address(second)?,
                target: self.naming.destination.store.address(&Catalog::target(self, first)?),
            })
        };
        error().unwrap_or_else(|unread| unread)
    }

    fn over_recording(&self, recording: u32, of: u32, _: Format) -> PlanError {
        let error =
            || Ok(PlanError::OverRecording { recording: self.address(recording)?, of: self.address(of)? });
        error().unwrap_or_else(|unread| unread)
    }
}
