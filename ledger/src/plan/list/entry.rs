//! Entries of lists, and what makes them invalid.

use std::io;

use serde::Deserialize;

use crate::plan::error::LineProblem;

/// Longest line in bytes: the longest name and ID, each character in JSON's longest notation (`\u0041`), and
/// the rest.
pub(super) const MAX_LINE: usize = 6 * (MAX_NAME + MAX_ID) + 1024;

/// Longest name in bytes: Linux's longest path; S3's keys have 1024.
pub(in crate::plan) const MAX_NAME: usize = 4096;

/// Longest ID in bytes: the report repeats it, and 1024 are enough for any URL.
pub(super) const MAX_ID: usize = 1024;

/// Entry of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ListEntry {
    /// Name below the prefix or folder, without `.` parts.
    #[serde(rename = "key")]
    pub name: String,
    /// Language, such as `en` or `pt-BR`.
    #[serde(default)]
    pub language: Option<String>,
    /// Channel to transcribe, from 0.
    #[serde(default)]
    pub channel: Option<u16>,
    /// The caller's ID.
    #[serde(default)]
    pub id: Option<String>,
}

impl ListEntry {
    /// Validates an entry.
    pub(in crate::plan) fn check(mut self) -> Result<Self, LineProblem> {
        self.name = inner(&self.name)?;
        if let Some(language) = self.language.take_if(|language| !is_language(language)) {
            return Err(LineProblem::Language(language));
        }
        if self.id.as_ref().is_some_and(|id| id.len() > MAX_ID) {
            return Err(LineProblem::LongId(MAX_ID));
        }
        Ok(self)
    }
}

/// Removes the `.` parts of a name, and checks that it stays inside the source.
fn inner(name: &str) -> Result<String, LineProblem> {
    if name.len() > MAX_NAME {
        return Err(LineProblem::LongName(MAX_NAME));
    }
    if name.starts_with('/') || name.split('/').any(|part| part == "..") {
        return Err(LineProblem::Outside(name.to_owned()));
    }
    let name = name.split('/').filter(|part| *part != ".").collect::<Vec<_>>().join("/");
    if name.is_empty() { Err(LineProblem::NoName) } else { Ok(name) }
}

/// Longest language code: RFC 5646 lets readers refuse longer ones.
const MAX_LANGUAGE: usize = 35;

/// Whether the code matches [`verbatim_crds::text_rule::LANGUAGE`].
pub(super) fn is_language(code: &str) -> bool {
    let mut parts = code.split('-');
    let first = parts.next().unwrap_or_default();
    code.len() <= MAX_LANGUAGE
        && matches!(first.len(), 2..=3)
        && first.bytes().all(|byte| byte.is_ascii_lowercase())
        && parts
            .all(|part| matches!(part.len(), 2..=8) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Error in a list.
#[derive(Debug)]
pub enum ListError {
    /// Invalid line.
    Line(u64, LineProblem),
    /// Failed to read the copy of the list on disk.
    Io(io::Error),
}

impl From<io::Error> for ListError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
