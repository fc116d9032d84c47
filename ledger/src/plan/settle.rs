//! Says where each transcript goes, so that no two go to one place and none over a recording.
//!
//! `calls/a.wav` becomes `calls/a.json`, as whisper's tools and players of subtitles have it. Recordings of one folder
//! that differ in nothing but the ending keep it, all of them: `a.wav.json` and `a.mp3.json`.

use super::catalog::Catalog;
use super::digest::Digest;
use super::error::PlanError;
use super::naming::with_ending;

/// Settles the targets. Gives the recordings' indices in the order of their targets' digests.
pub(super) fn settle(catalog: &mut Catalog) -> Result<Vec<u32>, PlanError> {
    let mut order: Vec<u32> = (0..catalog.len()).collect();
    sort(&mut order, catalog);
    let shared: Vec<u32> = same_target(&order, catalog).flatten().copied().collect();
    for &index in &shared {
        let target = Digest::of(&catalog.naming.target(&catalog.key(index)?, true));
        let fact = &mut catalog.facts[index as usize];
        (fact.target, fact.whole) = (target, true);
    }
    if !shared.is_empty() {
        sort(&mut order, catalog);
    }
    // Of several, the first that a reader of the listing would come to.
    let collision = same_target(&order, catalog).map(|run| (run[0], run[1])).min();
    if let Some((first, second)) = collision {
        return Err(PlanError::Collision {
            first: catalog.address(first)?,
            second: catalog.address(second)?,
            target: catalog.naming.destination.store.address(&catalog.target(first)?),
        });
    }
    spare_recordings(catalog)?;
    Ok(order)
}

fn sort(order: &mut [u32], catalog: &Catalog) {
    order.sort_unstable_by_key(|index| (catalog.facts[*index as usize].target, *index));
}

/// The recordings that share a target with others, target by target.
fn same_target<'a>(order: &'a [u32], catalog: &'a Catalog) -> impl Iterator<Item = &'a [u32]> {
    let target = |index: &u32| catalog.facts[*index as usize].target;
    order.chunk_by(move |a, b| target(a) == target(b)).filter(|run| run.len() > 1)
}

/// Finds a transcript that would be written over a recording: `talk.json`, named as a recording, with transcripts
/// beside it. Addresses are compared: source and destination may be one bucket through two clients, or two folders of
/// which one is in the other.
fn spare_recordings(catalog: &Catalog) -> Result<(), PlanError> {
    if !catalog.some_look_like_transcripts {
        return Ok(());
    }
    let mut recordings = Vec::new();
    for index in 0..catalog.len() {
        if catalog.format_of(&catalog.key(index)?).is_some() {
            recordings.push((Digest::of(&catalog.address(index)?), index));
        }
    }
    recordings.sort_unstable();
    for of in 0..catalog.len() {
        let target = catalog.target(of)?;
        for format in &catalog.formats {
            let transcript = catalog.naming.destination.store.address(&with_ending(&target, *format));
            let lost = recordings.binary_search_by_key(&Digest::of(&transcript), |(digest, _)| *digest);
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
