//! Lists of recordings (`spec.source.manifest`): text, JSON Lines, or CSV. Hostile input: what is read at once has
//! bounds, and what is wrong names its line.

mod csv;
mod fetch;
mod lines;

use std::io::{self, BufRead};

use serde::Deserialize;

pub(super) use self::fetch::{FetchError, fetch};
use super::error::LineProblem;

/// Most bytes of a line: the longest name and id, each character written as JSON's longest (`\u0041`), and the rest.
const MAX_LINE: usize = 6 * (MAX_NAME + MAX_ID) + 1024;

/// Most bytes of a name: Linux's longest path; S3's keys have 1024.
pub(super) const MAX_NAME: usize = 4096;

/// Most bytes of an id: it comes back in a line of the report, and 1024 hold any URL that people use.
const MAX_ID: usize = 1024;

/// What a list says of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// The name, from the prefix or folder on, without parts `.`.
    #[serde(rename = "key")]
    pub name: String,
    /// Its language, as `en` or `pt-BR`.
    #[serde(default)]
    pub language: Option<String>,
    /// The one channel to transcribe, from 0.
    #[serde(default)]
    pub channel: Option<u16>,
    /// The caller's name for it.
    #[serde(default)]
    pub id: Option<String>,
}

impl Entry {
    /// Checks an entry, as everything that comes from outside.
    pub(super) fn check(mut self) -> Result<Self, LineProblem> {
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

/// A name without the parts that mean nothing, if it stays within the source.
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

/// Longest code of a language: RFC 5646 lets readers refuse more.
const MAX_LANGUAGE: usize = 35;

/// Whether it is a code as [`verbatim_crds::text_rule::LANGUAGE`] has them.
fn is_language(code: &str) -> bool {
    let mut parts = code.split('-');
    let first = parts.next().unwrap_or_default();
    code.len() <= MAX_LANGUAGE
        && matches!(first.len(), 2..=3)
        && first.bytes().all(|byte| byte.is_ascii_lowercase())
        && parts
            .all(|part| matches!(part.len(), 2..=8) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Why a list cannot be read on.
#[derive(Debug)]
pub enum ReadError {
    /// A line says nothing that can be used.
    Line(u64, LineProblem),
    /// The copy of the list on disk cannot be read.
    Io(io::Error),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a list, entry by entry; the number of an entry's line, from 1, goes with it. The form is what the list's own
/// key says (`.jsonl`, `.ndjson`, `.csv`), or else its first byte: `{` begins JSON Lines.
///
/// # Errors
/// [`ReadError`], and those of `take`.
pub fn read<E: From<ReadError>>(
    key: &str,
    mut list: impl BufRead,
    take: &mut dyn FnMut(u64, Entry) -> Result<(), E>,
) -> Result<(), E> {
    // Spreadsheets begin what they export with a mark of the byte order.
    let io = |error| E::from(ReadError::Io(error));
    if list.fill_buf().map_err(io)?.starts_with("\u{feff}".as_bytes()) {
        list.consume("\u{feff}".len());
    }
    let ending = super::audio::split_ending(key).1.unwrap_or_default().to_ascii_lowercase();
    let begins_json = list.fill_buf().map_err(io)?.first() == Some(&b'{');
    match ending.as_str() {
        "csv" => csv::read(list, take),
        "jsonl" | "ndjson" => lines::read(list, lines::json, take),
        _ if begins_json => lines::read(list, lines::json, take),
        _ => lines::read(list, lines::name, take),
    }
}

#[cfg(test)]
mod tests;
