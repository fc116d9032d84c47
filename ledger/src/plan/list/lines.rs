//! Lists with one recording a line: names, or JSON.

use std::io::{BufRead, Read};

use super::entry::{ListEntry, ListError, MAX_LINE};
use crate::plan::error::LineProblem;

/// Reads a list line by line. `parse` returns `None` for lines to ignore.
pub(super) fn read<E: From<ListError>>(
    mut list: impl BufRead,
    parse: fn(&str) -> Result<Option<ListEntry>, LineProblem>,
    take: &mut dyn FnMut(u64, ListEntry) -> Result<(), E>,
) -> Result<(), E> {
    let mut line = Vec::new();
    for number in 1.. {
        let wrong = |problem| E::from(ListError::Line(number, problem));
        line.clear();
        // One byte over the limit distinguishes a line that is too long from one that just fits, whatever its
        // line ending.
        let most = MAX_LINE as u64 + 1;
        let read = list.by_ref().take(most).read_until(b'\n', &mut line);
        if read.map_err(|error| E::from(ListError::Io(error)))? == 0 {
            break;
        }
        if line.len() > MAX_LINE {
            return Err(wrong(LineProblem::LongLine(MAX_LINE)));
        }
        let text = std::str::from_utf8(&line).map_err(|_| wrong(LineProblem::NotText))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if let Some(entry) =
            parse(text).and_then(|entry| entry.map(ListEntry::check).transpose()).map_err(wrong)?
        {
            take(number, entry)?;
        }
    }
    Ok(())
}

/// Parses a name. Empty lines and lines that start with `#` are ignored.
pub(super) fn name(line: &str) -> Result<Option<ListEntry>, LineProblem> {
    let counts = !line.is_empty() && !line.starts_with('#');
    Ok(counts.then(|| ListEntry { name: line.to_owned(), ..ListEntry::default() }))
}

/// Parses a line of JSON. Empty lines and unknown fields are ignored.
pub(super) fn json(line: &str) -> Result<Option<ListEntry>, LineProblem> {
    if line.trim().is_empty() {
        return Ok(None);
    }
    serde_json::from_str(line).map(Some).map_err(|error| LineProblem::Json(error.to_string()))
}
