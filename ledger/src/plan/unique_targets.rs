//! The rule for names of transcripts, for recordings in stores and in folders alike: no two recordings share
//! a transcript, and no transcript replaces a recording. Pure.
//!
//! `calls/a.wav` becomes `calls/a.json`, as whisper's tools and players of subtitles have it. Recordings of
//! one folder that differ only in the extension keep it, all of them: `a.wav.json` and `a.mp3.json`.

use verbatim_crds::destination::Format;

use super::digest::NameDigest;

/// Recordings that need names for their transcripts. An index is below `count`, in the order of the listing.
pub trait Recordings {
    /// Error of a recording that cannot be read, and of names that are refused.
    type Error;

    /// Number of recordings.
    fn count(&self) -> u32;

    /// Digest of the transcript's name, without the extension of a format.
    fn target(&self, index: u32) -> NameDigest;

    /// Adds the recording's extension to the name of its transcript.
    ///
    /// # Errors
    /// The name cannot be read.
    fn keep_extension(&mut self, index: u32) -> Result<(), Self::Error>;

    /// Digest of the recording's identity, if its name is that of a transcript: no other recording can be
    /// replaced by one.
    ///
    /// # Errors
    /// The name cannot be read.
    fn replaceable(&self, index: u32) -> Result<Option<NameDigest>, Self::Error>;

    /// The formats of the recording's transcript, each with the digest of the file's identity.
    ///
    /// # Errors
    /// The name cannot be read.
    fn transcripts(&self, index: u32) -> Result<Vec<(Format, NameDigest)>, Self::Error>;

    /// Error for names that are refused.
    fn refuse(&self, conflict: Conflict) -> Self::Error;
}

/// Why names are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Two recordings would have one transcript.
    Collision(u32, u32),
    /// The transcript of a recording, in this format, would replace a recording.
    OverRecording {
        /// The recording that would be replaced.
        recording: u32,
        /// The recording of the transcript.
        of: u32,
        /// The format of the transcript.
        format: Format,
    },
}

/// Resolves the names. Gives the indices in the order of their targets' digests.
///
/// # Errors
/// [`Recordings::refuse`], and the errors of the other methods.
pub fn resolve<R: Recordings>(recordings: &mut R) -> Result<Vec<u32>, R::Error> {
    let mut order: Vec<u32> = (0..recordings.count()).collect();
    sort(&mut order, recordings);
    let shared: Vec<u32> = same_target(&order, recordings).flatten().copied().collect();
    for &index in &shared {
        recordings.keep_extension(index)?;
    }
    if !shared.is_empty() {
        sort(&mut order, recordings);
    }
    // Of several collisions, the first in the order of the listing.
    let collision = same_target(&order, recordings).map(|run| (run[0], run[1])).min();
    if let Some((first, second)) = collision {
        return Err(recordings.refuse(Conflict::Collision(first, second)));
    }
    spare_recordings(recordings)?;
    Ok(order)
}

fn sort<R: Recordings>(order: &mut [u32], recordings: &R) {
    order.sort_unstable_by_key(|index| (recordings.target(*index), *index));
}

/// The recordings that share a target with others, target by target.
fn same_target<'a, R: Recordings>(order: &'a [u32], recordings: &'a R) -> impl Iterator<Item = &'a [u32]> {
    order.chunk_by(|a, b| recordings.target(*a) == recordings.target(*b)).filter(|run| run.len() > 1)
}

/// Refuses a transcript that would replace a recording: `talk.json`, named as a recording, with its
/// transcript beside it.
fn spare_recordings<R: Recordings>(recordings: &R) -> Result<(), R::Error> {
    let mut replaceable = Vec::new();
    for index in 0..recordings.count() {
        replaceable.extend(recordings.replaceable(index)?.map(|digest| (digest, index)));
    }
    if replaceable.is_empty() {
        return Ok(());
    }
    replaceable.sort_unstable();
    for of in 0..recordings.count() {
        for (format, transcript) in recordings.transcripts(of)? {
            if let Ok(at) = replaceable.binary_search_by_key(&transcript, |(digest, _)| *digest) {
                let recording = replaceable[at].1;
                return Err(recordings.refuse(Conflict::OverRecording { recording, of, format }));
            }
        }
    }
    Ok(())
}
