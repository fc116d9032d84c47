//! A plan before it is written: everything is decided, and nothing is in the ledger.

use std::sync::Arc;

use verbatim_crds::TranscriptionJobSpec;
use verbatim_store::ObjectStore;

use super::catalog::Catalog;
use super::error::PlanError;
use super::file::PlannedFile;
use super::listing::{Listed, Progress};
use super::naming::Naming;
use super::there::note_there;
use super::unique_targets;
use super::{LeftOut, found, named};
use crate::place::Place;

/// What a plan is made from.
#[derive(Clone, Debug)]
pub struct Sources<'a> {
    /// The job: which recordings of the source, and how their transcripts are named.
    pub spec: &'a TranscriptionJobSpec,
    /// Where the recordings are.
    pub source: Place,
    /// Where the transcripts go; with `layout: Adjacent` the same as the source.
    pub destination: Place,
    /// Where the list of recordings (`spec.source.manifest`) is, by its whole key.
    pub lists: Arc<dyn ObjectStore>,
}

/// A plan before it is written.
#[derive(Debug)]
pub struct Draft {
    pub(super) catalog: Catalog,
}

impl Draft {
    /// Recordings.
    pub fn files(&self) -> u64 {
        u64::from(self.catalog.len())
    }

    /// Their bytes, as far as they are known.
    pub fn bytes(&self) -> u64 {
        self.catalog.facts.iter().fold(0, |sum, fact| sum.saturating_add(fact.size))
    }

    /// What was left out while the recordings were looked for.
    pub fn left_out(&self) -> LeftOut {
        self.catalog.left_out
    }

    /// The recordings in the order in which they were listed or named, each read from disk when its turn comes.
    pub fn iter(&self) -> impl Iterator<Item = Result<PlannedFile, PlanError>> + '_ {
        (0..self.catalog.len()).map(|index| self.catalog.file(index))
    }
}

/// Lists source and destination and decides what is to be done, without a write to either. `progress` hears of each
/// page.
///
/// Needs about 100 bytes of memory and 200 bytes in the folder for temporary files for each recording, and blocks its
/// thread for as long as sorting so many numbers takes.
///
/// # Errors
/// [`PlanError`]. A recording that is named and not there is no error: it is planned without a version, and fails.
pub async fn draft(sources: &Sources<'_>, progress: &(dyn Fn(Listed) + Sync)) -> Result<Draft, PlanError> {
    let Sources { spec, source, destination, lists } = sources;
    let naming =
        Naming { layout: spec.destination.layout, source: source.clone(), destination: destination.clone() };
    let mut catalog = Catalog::new(naming, spec.destination.formats.clone())?;
    let mut progress = Progress::new(progress);
    match (&spec.source.keys, &spec.source.manifest) {
        (Some(keys), _) => named::take_keys(keys, &mut catalog, &mut progress).await?,
        (None, Some(list)) => {
            named::take_list(lists.as_ref(), &list.key, &mut catalog, &mut progress).await?;
        }
        (None, None) => found::find(&spec.source, &mut catalog, &mut progress).await?,
    }
    let order = unique_targets::resolve(&mut catalog)?;
    note_there(&mut catalog, &order, &mut progress).await?;
    Ok(Draft { catalog })
}
