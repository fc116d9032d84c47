//! Commits of transcripts: each format under the condition that the plan saw, the evidence last.
//!
//! A write that is refused is looked at: a transcript of the same version with the same settings is as good as ours; one
//! of others is newer than our plan, and stays.

use std::collections::BTreeMap;

use verbatim_crds::destination::Format;
use verbatim_store::{Condition, ETag, Object, ObjectStore, Put, StoreError};

use super::settings::{Settings, transcript_key, turn};
use super::transcribe::Transcribed;
use crate::plan::file::PlannedFile;

/// Metadata: the version of the recording that a transcript was made from.
const SOURCE_ETAG: &str = "verbatim-source-etag";
/// Metadata: digest of model and settings.
const CONFIG_DIGEST: &str = "verbatim-config-digest";
/// Metadata: uid of the job.
const JOB: &str = "verbatim-job";
/// Metadata: the recording's length, in milliseconds.
const AUDIO: &str = "verbatim-audio-milliseconds";
/// Metadata: what the transcript took, in milliseconds.
const PROCESSING: &str = "verbatim-processing-milliseconds";

/// Times that a format is tried while others write and remove it at the same time.
const TRIES: usize = 5;

/// What transcripts of a job are marked with, and known by.
#[derive(Clone, Debug)]
pub(crate) struct Marks {
    job: String,
    digest: String,
}

/// What is known of a transcript that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum There {
    /// It was made from the same version with the same settings, by this job.
    Ours {
        /// The recording's length.
        audio_milliseconds: u64,
        /// What it took.
        processing_milliseconds: u64,
    },
    /// It was made from the same version with the same settings.
    Fresh,
    /// It was made from something else, or nothing tells.
    Stale,
}

/// What came of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// The transcript is there, by us or by another who did the same.
    Whole,
    /// Another transcript is there, which is newer than the plan.
    Superseded,
}

impl Marks {
    pub(crate) fn new(job: &str, settings: &Settings) -> Self {
        Self { job: job.to_owned(), digest: settings.digest.clone() }
    }

    /// Digest of model and settings for a recording: that of the job, and what a list says of the recording alone.
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

    /// What a transcript is to a recording.
    pub(crate) fn judge(&self, there: &Object, file: &PlannedFile, source: &ETag) -> There {
        let has = |name: &str, value: &str| there.metadata.get(name).is_some_and(|there| there == value);
        let number =
            |name: &str| there.metadata.get(name).and_then(|text| text.parse().ok()).unwrap_or_default();
        if !has(SOURCE_ETAG, &plain(source)) || !has(CONFIG_DIGEST, &self.digest(file)) {
            There::Stale
        } else if has(JOB, &self.job) {
            There::Ours { audio_milliseconds: number(AUDIO), processing_milliseconds: number(PROCESSING) }
        } else {
            There::Fresh
        }
    }
}

/// A tag without the quotation marks that some stores lose on the way through a header.
fn plain(etag: &ETag) -> String {
    etag.as_str().replace('"', "")
}

/// Commits a transcript, format by format, the evidence last: where it is, the others are. The first format that another has
/// written differently ends it: a transcript is one job's, whole.
pub(crate) async fn commit(
    store: &dyn ObjectStore,
    marks: &Marks,
    file: &PlannedFile,
    source: &ETag,
    transcribed: &Transcribed,
) -> Result<Committed, StoreError> {
    let metadata = marks.metadata(file, source, transcribed);
    let mut formats: Vec<_> = transcribed.formats.iter().collect();
    formats.sort_by_key(|(format, _)| turn(*format));
    for (format, bytes) in formats {
        let key = transcript_key(&file.target, *format);
        let mut condition =
            file.there.get(format).map_or(Condition::Absent, |etag| Condition::Matches(etag.clone()));
        let mut tries = 0;
        loop {
            let put = Put::new(bytes.clone(), media_type(*format)).when(condition).with(metadata.clone());
            let refused = match store.put(&key, put).await {
                Ok(_) => break,
                // The answer may have been lost, and the write with it or not.
                Err(error) if error.is_precondition_failed() || error.is_unclear() => error,
                Err(error) => return Err(error),
            };
            tries += 1;
            match store.head(&key).await {
                Ok(there) if marks.judge(&there, file, source) != There::Stale => break,
                // It is still what the plan saw: the write did not happen.
                Ok(there) if file.there.get(format) == Some(&there.etag) && tries < TRIES => {
                    condition = Condition::Matches(there.etag);
                }
                Ok(_) if refused.is_precondition_failed() => return Ok(Committed::Superseded),
                Err(error) if error.is_not_found() && tries < TRIES => condition = Condition::Absent,
                Ok(_) => return Err(refused),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(Committed::Whole)
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
    use crate::worker::transcribe::Parts;

    #[test]
    fn a_transcript_is_stale_when_the_list_says_something_else() {
        let marks = Marks { job: "uid".to_owned(), digest: "sha256:m sha256:c".to_owned() };
        let source = ETag::new("\"1\"".to_owned());
        let file = |channel, language: Option<&str>| PlannedFile {
            key: "a.wav".to_owned(),
            size: 1,
            etag: Some(source.clone()),
            target: "a".to_owned(),
            there: BTreeMap::new(),
            language: language.map(str::to_owned),
            id: None,
            channel,
        };
        let made = |file: &PlannedFile| {
            let transcribed = Transcribed {
                formats: Vec::new(),
                audio_milliseconds: 7,
                processing_milliseconds: 1,
                parts: Parts::default(),
            };
            let metadata = marks.metadata(file, &source, &transcribed);
            Object {
                key: "a.json".to_owned(),
                size: 1,
                etag: ETag::new("\"2\"".to_owned()),
                modified: None,
                metadata,
            }
        };
        let ours = There::Ours { audio_milliseconds: 7, processing_milliseconds: 1 };
        let all = [file(None, None), file(Some(0), None), file(Some(1), None), file(Some(1), Some("en"))];
        for (number, file) in all.iter().enumerate() {
            for (other, by) in all.iter().enumerate() {
                let expected = if number == other { ours } else { There::Stale };
                assert_eq!(marks.judge(&made(file), by, &source), expected, "{number} {other}");
            }
        }
        assert_eq!(made(&all[0]).metadata[CONFIG_DIGEST], "sha256:m sha256:c");
    }
}
