//! The rule of `destination.overwrite`: whether a recording is transcribed whose transcript exists. Pure.
//!
//! Stores and folders have one rule. The evidence that a transcript is fresh has two kinds:
//!
//! - **Stores:** the metadata of the transcript's object hold the ETag of the recording and the digest of
//!   model and settings. One request shows them, and the recording is not fetched. Every format has them, so
//!   the format that is written last is the evidence, whatever it is.
//! - **Folders:** files have no such metadata, and equal sizes and times do not prove equal content. The JSON
//!   transcript itself has the digest (SHA-256) of the recording's content, of the model and of the settings;
//!   the recording is read to compare its digest, which is fast beside a transcription. Other formats have no
//!   digests: without JSON there is no evidence.

use verbatim_crds::destination::{Format, Overwrite};

/// Decision about a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The recording is transcribed.
    Transcribe,
    /// The transcript stays, whatever it was made from.
    Skip,
    /// The transcript stays if the evidence says that it is fresh.
    SkipIfFresh,
}

/// Decides about a recording, given whether its evidence exists.
pub fn decide(overwrite: Overwrite, evidence_exists: bool) -> Decision {
    match overwrite {
        Overwrite::Never if evidence_exists => Decision::Skip,
        Overwrite::IfStale if evidence_exists => Decision::SkipIfFresh,
        Overwrite::Always | Overwrite::Never | Overwrite::IfStale => Decision::Transcribe,
    }
}

/// Position of a format in the order in which a transcript's formats are written. JSON is authoritative and
/// therefore last: where it exists, the others exist. Among the others the order only has to be the same for
/// all workers.
pub fn write_position(format: Format) -> (bool, Format) {
    (format == Format::Json, format)
}

/// The formats in the order in which they are written, each once.
pub fn write_order(formats: &[Format]) -> Vec<Format> {
    let mut formats = formats.to_vec();
    formats.sort_by_key(|format| write_position(*format));
    formats.dedup();
    formats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_existing_transcript_is_kept() {
        use Decision::{Skip, SkipIfFresh, Transcribe};
        for (overwrite, missing, existing) in [
            (Overwrite::Always, Transcribe, Transcribe),
            (Overwrite::Never, Transcribe, Skip),
            (Overwrite::IfStale, Transcribe, SkipIfFresh),
        ] {
            assert_eq!((decide(overwrite, false), decide(overwrite, true)), (missing, existing));
        }
    }

    #[test]
    fn json_is_written_last_and_each_format_once() {
        let formats = [Format::Json, Format::Txt, Format::Srt, Format::Json, Format::Vtt];
        assert_eq!(write_order(&formats), [Format::Srt, Format::Vtt, Format::Txt, Format::Json]);
    }
}
