//! Lists with a line to a recording: names, or JSON.

use std::io::{BufRead, Read};

use super::{Entry, LineProblem, MAX_LINE, ReadError};

/// Reads a list line by line with the `parse` of its form, which gives nothing for lines that do not count.
pub(super) fn read<E: From<ReadError>>(
    mut list: impl BufRead,
    parse: fn(&str) -> Result<Option<Entry>, LineProblem>,
    take: &mut dyn FnMut(u64, Entry) -> Result<(), E>,
) -> Result<(), E> {
    let mut line = Vec::new();
    for number in 1.. {
        let wrong = |problem| E::from(ReadError::Line(number, problem));
        line.clear();
        // One byte more than is allowed tells a line that is too long from one that just fits, whatever its end.
        let most = MAX_LINE as u64 + 1;
        let read = list.by_ref().take(most).read_until(b'\n', &mut line);
        if read.map_err(|error| E::from(ReadError::Io(error)))? == 0 {
            break;
        }
        if line.len() > MAX_LINE {
            return Err(wrong(LineProblem::LongLine(MAX_LINE)));
        }
        let text = std::str::from_utf8(&line).map_err(|_| wrong(LineProblem::NotText))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if let Some(entry) =
            parse(text).and_then(|entry| entry.map(Entry::check).transpose()).map_err(wrong)?
        {
            take(number, entry)?;
        }
    }
    Ok(())
}

/// A line of text: a name. Empty lines and lines that begin with `#` do not count.
pub(super) fn name(line: &str) -> Result<Option<Entry>, LineProblem> {
    let counts = !line.is_empty() && !line.starts_with('#');
    Ok(counts.then(|| Entry { name: line.to_owned(), ..Entry::default() }))
}

/// A line of JSON. Empty lines do not count, nor do fields that nobody asks for.
pub(super) fn json(line: &str) -> Result<Option<Entry>, LineProblem> {
    if line.trim().is_empty() {
        return Ok(None);
    }
    serde_json::from_str(line).map(Some).map_err(|error| LineProblem::Json(error.to_string()))
}
