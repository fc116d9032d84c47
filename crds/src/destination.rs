//! Destination and format of the transcripts.

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

/// Destination of the transcripts: either `s3` or a folder (`file`); neither with `layout: Adjacent`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "self.layout == 'Adjacent' || has(self.s3) != has(self.file)",
        "set one location of the destination: either s3 or file; or layout Adjacent, which needs none",
    ),
    rule(
        "self.layout != 'Adjacent' || !(has(self.s3) || has(self.file))",
        "layout Adjacent puts transcripts beside their recordings: remove s3 and file",
    ),
]))]
pub struct Destination {
    /// A prefix of an S3 bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Destination>,
    /// A folder: on this machine for `verbatim run`, in a volume of the worker (see `template`) in a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileDestination>,
    /// Naming of transcripts. Mirror: like the recordings below their prefix or folder. Adjacent: beside each
    /// recording, without `s3` and `file`. Flat: all in one folder, by the last part of their names.
    pub layout: Layout,
    /// Formats of each transcript. JSON: all data; SRT and VTT: subtitles; TXT: only the text.
    #[schemars(length(min = 1, max = 4), extend("x-kubernetes-list-type" = "set"))]
    pub formats: Vec<Format>,
    /// Handling of existing transcripts. IfStale: transcribe again if the recording, the model or the
    /// settings have changed. Never: keep them. Always: transcribe again.
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
    /// Prefix of the keys of all transcripts, e.g. `2026/11/`. Empty: the root of the bucket.
    #[serde(default)]
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = [path::prefix_rule()]))]
    pub prefix: String,
}

/// A folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileDestination {
    /// Path of the folder, which is created if it does not exist. Relative paths start at the manifest's
    /// folder; `file:///...` is accepted too.
    #[schemars(length(min = 1, max = 4096), extend("x-kubernetes-validations" = path::rules()))]
    pub path: String,
}

impl FileDestination {
    /// Path of the folder; `base` is the manifest's folder.
    ///
    /// # Errors
    /// [`PathError`] for text that is no local path.
    pub fn resolve(&self, base: &Path) -> Result<PathBuf, PathError> {
        path::resolve(&self.path, base)
    }
}

/// Naming of transcripts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Layout {
    /// Like the recordings below their prefix or folder, folders included.
    #[default]
    Mirror,
    /// Beside each recording, in the source itself; the destination has no location.
    Adjacent,
    /// All in one folder, by the last part of their names. Recordings with equal names are refused before any
    /// work.
    Flat,
}

/// Format of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Format {
    /// The whole transcript: times, scores, source and model. A superset of OpenAI's `verbose_json`.
    Json,
    /// SubRip subtitles.
    Srt,
    /// WebVTT subtitles.
    Vtt,
    /// Only the text.
    Txt,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Json, Self::Srt, Self::Vtt, Self::Txt];

    /// Extension of its files, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
            Self::Txt => "txt",
        }
    }
}

/// Text that names no format.
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

/// Handling of existing transcripts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Overwrite {
    /// Transcribe again if the recording, the model or the settings have changed.
    #[default]
    IfStale,
    /// Keep them.
    Never,
    /// Transcribe again.
    Always,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_names_parse() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
            assert_eq!(format.to_string().to_uppercase().parse(), Ok(format));
        }
        for wrong in ["", "text", "json ", ".srt"] {
            assert_eq!(wrong.parse::<Format>(), Err(FormatError(wrong.to_owned())));
        }
    }
}
