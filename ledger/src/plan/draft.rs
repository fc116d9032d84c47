//! A complete plan, before anything is written to the ledger.

use std::sync::Arc;

use verbatim_crds::TranscriptionJobSpec;
use verbatim_store::ObjectStore;

use super::catalog::Catalog;
use super::error::PlanError;
use super::existing::note_existing;
use super::head::LeftOut;
use super::listing::{Listed, ListingProgress};
use super::naming::Naming;
use super::planned_file::PlannedFile;
use super::resolve_targets::resolve_targets;
use super::{discover, explicit};
use crate::store_location::StoreLocation;

/// Input for a plan.
#[derive(Clone, Debug)]
pub struct PlanInput<'a> {
    /// Spec of the job: its recordings, and the naming of their transcripts.
    pub spec: &'a TranscriptionJobSpec,
    /// Location of the recordings.
    pub source: StoreLocation,
    /// Location of the transcripts; with `layout: Adjacent` the same as the source.
    pub destination: StoreLocation,
    /// Store of the list of recordings (`spec.source.manifest`), under its full key.
    pub lists: Arc<dyn ObjectStore>,
}

/// A plan before it is written.
#[derive(Debug)]
pub struct Draft {
    pub(super) catalog: Catalog,
}

impl Draft {
    /// Number of recordings.
    pub fn files(&self) -> u64 {
        u64::from(self.catalog.len())
    }

    /// Their bytes, as far as known.
    pub fn bytes(&self) -> u64 {
        self.catalog.entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.size))
    }

    /// Objects left out of the plan.
    pub fn left_out(&self) -> LeftOut {
        self.catalog.left_out
    }

    /// The recordings in the order of the listing or list, each read from disk on demand.
    pub fn iter(&self) -> impl Iterator<Item = Result<PlannedFile, PlanError>> + '_ {
        (0..self.catalog.len()).map(|index| self.catalog.file(index))
    }
}

/// Lists source and destination and makes a plan, without a write to either. `progress` is called after each
/// page.
///
/// Takes about 100 bytes of memory and 200 bytes of temporary files per recording, and blocks its thread
/// while it sorts them.
///
/// # Errors
/// [`PlanError`]. An explicitly named recording that does not exist is planned without a version, and fails
/// later.
pub async fn draft(input: &PlanInput<'_>, progress: &(dyn Fn(Listed) + Sync)) -> Result<Draft, PlanError> {
    let PlanInput { spec, source, destination, lists } = input;
    let naming =
        Naming { layout: spec.destination.layout, source: source.clone(), destination: destination.clone() };
    let mut catalog = Catalog::new(naming, spec.destination.formats.clone())?;
    let mut progress = ListingProgress::new(progress);
    match (&spec.source.keys, &spec.source.manifest) {
        (Some(keys), _) => explicit::take_keys(keys, &mut catalog, &mut progress).await?,
        (None, Some(list)) => {
            explicit::take_list(lists.as_ref(), &list.key, &mut catalog, &mut progress).await?;
        }
        (None, None) => discover::discover(&spec.source, &mut catalog, &mut progress).await?,
    }
    let order = resolve_targets(&mut catalog)?;
    note_existing(&mut catalog, &order, &mut progress).await?;
    Ok(Draft { catalog })
}
