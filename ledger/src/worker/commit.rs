//! Commits of transcripts: each format under the condition from the plan, the evidence last.
//!
//! After a refused write the worker reads the transcript's metadata: one made from the same version with the
//! same settings is as good as its own; any other is newer than the plan, and stays.

use std::collections::BTreeMap;

use verbatim_crds::destination::Format;
use verbatim_store::{Condition, ETag, Object, ObjectStore, Put, StoreError};

use super::settings::{Settings, write_order};
use super::transcribe::Transcribed;
use crate::plan::naming::transcript_key;
use crate::plan::planned_file::PlannedFile;

/// Metadata: version of the recording.
const SOURCE_ETAG: &str = "verbatim-source-etag";
/// Metadata: digest of model and settings.
const CONFIG_DIGEST: &str = "verbatim-config-digest";
/// Metadata: UID of the job.
const JOB: &str = "verbatim-job";
/// Metadata: length of the recording in milliseconds.
const AUDIO: &str = "verbatim-audio-milliseconds";
/// Metadata: processing time in milliseconds.
const PROCESSING: &str = "verbatim-processing-milliseconds";

/// Attempts to write a format while other workers write and delete it.
const TRIES: usize = 5;

/// Identity of a job's transcripts, in their metadata.
#[derive(Clone, Debug)]
pub(crate) struct Provenance {
    job: String,
    digest: String,
}

/// An existing transcript, relative to a recording of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// Made from the same version with the same settings, by this job.
    Ours {
        /// Length of the recording.
        audio_milliseconds: u64,
        /// Processing time.
        processing_milliseconds: u64,
    },
    /// Made from the same version with the same settings.
    Fresh,
    /// Made from another version or with other settings, or without metadata.
    Stale,
}

/// Result of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommitResult {
    /// The transcript is committed, by this worker or by another with the same result.
    Committed,
    /// There is another transcript, newer than the plan.
    Superseded,
}

impl Provenance {
    pub(crate) fn new(job: &str, settings: &Settings) -> Self {
        Self { job: job.to_owned(), digest: settings.digest.clone() }
    }

    /// Digest of model and settings for a recording: the job's, with what a list says about this recording.
    fn digest(&self, file: &PlannedFile) -> String {
        let channel = file.channel.map(|channel| format!(" channel {channel}")).unwrap_or_default();
        let language =
            file.language.as_ref().map(|language| format!(" language {language}")).unwrap_or_default();
        format!("{}{channel}{language}", self.digest)
    }

    fn metadata(
        &self,
        file: &PlannedFile,
        source: &ETag,
        transcribed: &Transcribed,
    ) -> BTreeMap<String, String> {
        [
            (SOURCE_ETAG, plain(source)),
            (CONFIG_DIGEST, self.digest(file)),
            (JOB, self.job.clone()),
            (AUDIO, transcribed.audio_milliseconds.to_string()),
            (PROCESSING, transcribed.processing_milliseconds.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Compares an existing transcript with a recording.
    pub(crate) fn classify(&self, existing: &Object, file: &PlannedFile, source: &ETag) -> Existing {
        let has =
            |name: &str, value: &str| existing.metadata.get(name).is_some_and(|existing| existing == value);
        let number =
            |name: &str| existing.metadata.get(name).and_then(|text| text.parse().ok()).unwrap_or_default();
        if !has(SOURCE_ETAG, &plain(source)) || !has(CONFIG_DIGEST, &self.digest(file)) {
            Existing::Stale
        } else if has(JOB, &self.job) {
            Existing::Ours { audio_milliseconds: number(AUDIO), processing_milliseconds: number(PROCESSING) }
        } else {
            Existing::Fresh
        }
    }
}

/// The ETag without quotation marks, which some stores drop in headers.
fn plain(etag: &ETag) -> String {
    etag.as_str().replace('"', "")
}

/// Commits a transcript, format by format, the evidence last: if it exists, so do the others. Ends at the
/// first format that another job has written: all formats of a transcript belong to one job.
pub(crate) async fn commit(
    store: &dyn ObjectStore,
    provenance: &Provenance,
    file: &PlannedFile,
    source: &ETag,
    transcribed: &Transcribed,
) -> Result<CommitResult, StoreError> {
    let metadata = provenance.metadata(file, source, transcribed);
    let mut formats: Vec<_> = transcribed.formats.iter().collect();
    formats.sort_by_key(|(format, _)| write_order(*format));
    for (format, bytes) in formats {
        let key = transcript_key(&file.target, *format);
        let mut condition =
            file.existing.get(format).map_or(Condition::Absent, |etag| Condition::Matches(etag.clone()));
        let mut tries = 0;
        loop {
            let put = Put::new(bytes.clone(), media_type(*format)).when(condition).with(metadata.clone());
            let refused = match store.put(&key, put).await {
                Ok(_) => break,
                // The answer may be lost, and the write may have happened or not.
                Err(error) if error.is_precondition_failed() || error.is_unclear() => error,
                Err(error) => return Err(error),
            };
            tries += 1;
            match store.head(&key).await {
                Ok(existing) if provenance.classify(&existing, file, source) != Existing::Stale => break,
                // Still the version from the plan: the write did not happen.
                Ok(existing) if file.existing.get(format) == Some(&existing.etag) && tries < TRIES => {
                    condition = Condition::Matches(existing.etag);
                }
                Ok(_) if refused.is_precondition_failed() => return Ok(CommitResult::Superseded),
                Err(error) if error.is_not_found() && tries < TRIES => condition = Condition::Absent,
                Ok(_) => return Err(refused),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(CommitResult::Committed)
}

fn media_type(format: Format) -> &'static str {
    match format {
        Format::Json => "application/json",
        Format::Srt => "application/x-subrip",
        Format::Vtt => "text/vtt",
        Format::Txt => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::transcribe::EngineTimes;

    #[test]
    fn a_transcript_is_stale_if_the_list_changed() {
        let provenance = Provenance { job: "uid".to_owned(), digest: "sha256:m sha256:c".to_owned() };
        let source = ETag::new("\"1\"".to_owned());
        let file = |channel, language: Option<&str>| PlannedFile {
            key: "a.wav".to_owned(),
            size: 1,
            etag: Some(source.clone()),
            target: "a".to_owned(),
            existing: BTreeMap::new(),
            language: language.map(str::to_owned),
            id: None,
            channel,
        };
        let made = |file: &PlannedFile| {
            let transcribed = Transcribed {
                formats: Vec::new(),
                audio_milliseconds: 7,
                processing_milliseconds: 1,
                times: EngineTimes::default(),
            };
            let metadata = provenance.metadata(file, &source, &transcribed);
            Object {
                key: "a.json".to_owned(),
                size: 1,
                etag: ETag::new("\"2\"".to_owned()),
                modified: None,
                metadata,
            }
        };
        let ours = Existing::Ours { audio_milliseconds: 7, processing_milliseconds: 1 };
        let all = [file(None, None), file(Some(0), None), file(Some(1), None), file(Some(1), Some("en"))];
        for (number, file) in all.iter().enumerate() {
            for (other, by) in all.iter().enumerate() {
                let expected = if number == other { ours } else { Existing::Stale };
                assert_eq!(provenance.classify(&made(file), by, &source), expected, "{number} {other}");
            }
        }
        assert_eq!(made(&all[0]).metadata[CONFIG_DIGEST], "sha256:m sha256:c");
    }
}
