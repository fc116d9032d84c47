//! Which transcripts are there already: one listing of the destination, no request for each.

use std::ops::ControlFlow;

use super::catalog::Catalog;
use super::digest::Digest;
use super::error::PlanError;
use super::listing::{Progress, Side, each_object};
use crate::names;

/// Notes the transcripts that are there, and their versions. `order`: the recordings in the order of their targets'
/// digests.
pub(super) async fn note_there(
    catalog: &mut Catalog,
    order: &[u32],
    progress: &mut Progress<'_>,
) -> Result<(), PlanError> {
    if order.is_empty() {
        return Ok(());
    }
    let place = catalog.naming.destination.clone();
    let targets = catalog.naming.targets();
    let ledgers = place.key(&format!("{}/", names::FOLDER));
    each_object(place.store.as_ref(), &targets, Side::Destination, progress, &mut |object| {
        if object.key.starts_with(&ledgers) {
            return Ok(ControlFlow::Continue(()));
        }
        if let Some((stem, format)) = catalog.format_of(&object.key) {
            let target = Digest::of(stem);
            let found = order.binary_search_by_key(&target, |index| catalog.facts[*index as usize].target);
            if let Ok(at) = found {
                catalog.note_there(order[at], format, &object.etag)?;
            }
        }
        Ok(ControlFlow::Continue(()))
    })
    .await
}
