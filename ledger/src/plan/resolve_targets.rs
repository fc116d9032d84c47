//! Resolves the key of each transcript, so that no two are the same and none overwrites a recording.
//!
//! `calls/a.wav` becomes `calls/a.json`, as Whisper tools and subtitle players expect. Recordings of one
//! folder that differ only in the extension all keep it: `a.wav.json` and `a.mp3.json`.

use super::catalog::Catalog;
use super::digest::NameDigest;
use super::error::PlanError;
use super::naming::transcript_key;

/// Resolves the targets. Returns the indices of the recordings, sorted by the digests of their targets.
pub(super) fn resolve_targets(catalog: &mut Catalog) -> Result<Vec<u32>, PlanError> {
    let mut order: Vec<u32> = (0..catalog.len()).collect();
    sort(&mut order, catalog);
    let shared: Vec<u32> = same_target(&order, catalog).flatten().copied().collect();
    for &index in &shared {
        let target = NameDigest::of(&catalog.naming.target(&catalog.key(index)?, true));
        let entry = &mut catalog.entries[index as usize];
        (entry.target, entry.keep_extension) = (target, true);
    }
    if !shared.is_empty() {
        sort(&mut order, catalog);
    }
    // Of several collisions, the first in the order of the listing.
    let collision = same_target(&order, catalog).map(|run| (run[0], run[1])).min();
    if let Some((first, second)) = collision {
        return Err(PlanError::Collision {
            first: catalog.address(first)?,
            second: catalog.address(second)?,
            target: catalog.naming.destination.store.address(&catalog.target(first)?),
        });
    }
    check_recordings_are_safe(catalog)?;
    Ok(order)
}

fn sort(order: &mut [u32], catalog: &Catalog) {
    order.sort_unstable_by_key(|index| (catalog.entries[*index as usize].target, *index));
}

/// Groups of recordings with the same target.
fn same_target<'a>(order: &'a [u32], catalog: &'a Catalog) -> impl Iterator<Item = &'a [u32]> {
    let target = |index: &u32| catalog.entries[*index as usize].target;
    order.chunk_by(move |a, b| target(a) == target(b)).filter(|run| run.len() > 1)
}

/// Fails if a transcript would overwrite a recording: `talk.json`, named like a recording, with transcripts
/// beside it. Compares addresses: source and destination may be one bucket with two clients, or nested
/// folders.
fn check_recordings_are_safe(catalog: &Catalog) -> Result<(), PlanError> {
    if !catalog.has_transcript_names {
        return Ok(());
    }
    let mut recordings = Vec::new();
    for index in 0..catalog.len() {
        if catalog.format_of(&catalog.key(index)?).is_some() {
            recordings.push((NameDigest::of(&catalog.address(index)?), index));
        }
    }
    recordings.sort_unstable();
    for of in 0..catalog.len() {
        let target = catalog.target(of)?;
        for format in &catalog.formats {
            let transcript = catalog.naming.destination.store.address(&transcript_key(&target, *format));
            let lost = recordings.binary_search_by_key(&NameDigest::of(&transcript), |(digest, _)| *digest);
            if let Ok(at) = lost {
                return Err(PlanError::OverRecording {
                    recording: catalog.address(recordings[at].1)?,
                    of: catalog.address(of)?,
                });
            }
        }
    }
    Ok(())
}
