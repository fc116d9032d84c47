//! Existing transcripts: one listing of the destination instead of a request for each.

use std::ops::ControlFlow;

use super::catalog::Catalog;
use super::digest::NameDigest;
use super::error::PlanError;
use super::listing::{ListingProgress, Side, for_each_object};
use crate::keys;

/// Notes the existing transcripts and their versions. `order`: the recordings, sorted by the digests of their
/// targets.
pub(super) async fn note_existing(
    catalog: &mut Catalog,
    order: &[u32],
    progress: &mut ListingProgress<'_>,
) -> Result<(), PlanError> {
    if order.is_empty() {
        return Ok(());
    }
    let location = catalog.naming.destination.clone();
    let targets = catalog.naming.targets();
    let ledgers = location.key(&format!("{}/", keys::LEDGER_FOLDER));
    for_each_object(location.store.as_ref(), &targets, Side::Destination, progress, &mut |object| {
        if object.key.starts_with(&ledgers) {
            return Ok(ControlFlow::Continue(()));
        }
        if let Some((stem, format)) = catalog.format_of(&object.key) {
            let target = NameDigest::of(stem);
            let found = order.binary_search_by_key(&target, |index| catalog.entries[*index as usize].target);
            if let Ok(at) = found {
                catalog.note_existing(order[at], format, &object.etag)?;
            }
        }
        Ok(ControlFlow::Continue(()))
    })
    .await
}
