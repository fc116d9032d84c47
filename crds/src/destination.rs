//! Where the transcripts go, and in which form.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    path::{self, PathError},
    rules::rule,
    text_rule,
};

/// Where the transcripts go: to `s3` or into a folder (`file`), one of the two; with `layout: Adjacent` neither.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "self.layout == 'Adjacent' || has(self.s3) != has(self.file)",
        "give the destination one place: either s3 or file; or layout Adjacent, which needs none",
    ),
    rule(
        "self.layout != 'Adjacent' || !(has(self.s3) || has(self.file))",
        "transcripts with layout Adjacent go beside their recordings: leave s3 and file out",
    ),
]))]
pub struct Destination {
    /// A prefix of an S3 bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Destination>,
    /// A folder: on this machine for `verbatim run`, in a volume of the worker (see `template`) in a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileDestination>,
    /// How transcripts are named. Mirror: as the recordings are below their prefix or folder. Adjacent: beside each
    /// recording; then `s3` and `file` are left out. Flat: all in one folder, by the last part of their names.
    pub layout: Layout,
    /// The files that each transcript is written as. JSON: everything there is to know; SRT and VTT: subtitles; TXT: the
    /// text alone.
    #[schemars(length(min = 1, max = 4), extend("x-kubernetes-list-type" = "set"))]
    pub formats: Vec<Format>,
    /// What to do where a transcript is there already. IfStale: transcribe again if the recording, the model or the
    /// settings are others than those that made it. Never: leave it. Always: transcribe again.
    pub overwrite: Overwrite,
}

impl Default for Destination {
    fn default() -> Self {
        Self {
            s3: None,
            file: None,
            layout: Layout::default(),
            formats: vec![Format::Json],
            overwrite: Overwrite::default(),
        }
    }
}

/// A prefix of an S3 bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct S3Destination {
    /// The bucket.
    #[schemars(length(max = text_rule::MAX_BUCKET), extend("pattern" = text_rule::BUCKET.pattern))]
    pub bucket: String,
    /// What the keys of all transcripts begin with, as `2026/11/`. Empty: the whole bucket.
    #[serde(default)]
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = [path::prefix_rule()]))]
    pub prefix: String,
}

/// A folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileDestination {
    /// The folder; it is made if it is not there. A relative path starts at the folder that the manifest is in;
    /// `file:///...` is taken as well.
    #[schemars(length(min = 1, max = 4096), extend("x-kubernetes-validations" = path::rules()))]
    pub path: String,
}

impl FileDestination {
    /// The folder as a path; `base` is the manifest's folder.
    ///
    /// # Errors
    /// [`PathError`] for text that names no local path.
    pub fn resolve(&self, base: &Path) -> Result<PathBuf, PathError> {
        path::resolve(&self.path, base)
    }
}

/// How transcripts are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Layout {
    /// As the recordings are below their prefix or folder, folders included.
    #[default]
    Mirror,
    /// Beside each recording, in the source itself; the destination names no place then.
    Adjacent,
    /// All in one folder, by the last part of their names. Two recordings of one name are refused before any work.
    Flat,
}

/// A form of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Format {
    /// The whole transcript: times, scores, source and model. A superset of OpenAI's `verbose_json`.
    Json,
    /// SubRip subtitles.
    Srt,
    /// WebVTT subtitles.
    Vtt,
    /// The text alone.
    Txt,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Json, Self::Srt, Self::Vtt, Self::Txt];

    /// The ending of its files, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
            Self::Txt => "txt",
        }
    }
}

/// A text that names no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a format: write json, srt, vtt or txt")]
pub struct FormatError(String);

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let name = text.to_ascii_lowercase();
        let found = Self::ALL.into_iter().find(|format| format.extension() == name);
        found.ok_or_else(|| FormatError(text.to_owned()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

/// What to do where a transcript is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Overwrite {
    /// Transcribe again if the recording, the model or the settings are others than those that made it.
    #[default]
    IfStale,
    /// Leave it, whatever made it.
    Never,
    /// Transcribe again.
    Always,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_formats_read_back() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
            assert_eq!(format.to_string().to_uppercase().parse(), Ok(format));
        }
        for wrong in ["", "text", "json ", ".srt"] {
            assert_eq!(wrong.parse::<Format>(), Err(FormatError(wrong.to_owned())));
        }
    }
}
