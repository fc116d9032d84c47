//! Lists in CSV, with a header that names the columns.

use std::cell::Cell;
use std::io::{self, BufRead, Read};

use csv::{Reader, ReaderBuilder, StringRecord};

use super::entry::{ListEntry, ListError, MAX_LINE};
use crate::plan::error::LineProblem;

/// Buffer size of the CSV reader in bytes. It may hold that much of the next records.
const READ_AHEAD: usize = 64 << 10;

/// Known columns; others are ignored.
struct Columns {
    key: usize,
    language: Option<usize>,
    channel: Option<usize>,
    id: Option<usize>,
}

/// Reads a list in CSV. Quoted fields may contain commas and line breaks.
pub(super) fn read<E: From<ListError>>(
    list: impl BufRead,
    take: &mut dyn FnMut(u64, ListEntry) -> Result<(), E>,
) -> Result<(), E> {
    let left = Cell::new(0);
    let limited = Limited { inner: list, left: &left };
    let mut reader = ReaderBuilder::new().has_headers(false).buffer_capacity(READ_AHEAD).from_reader(limited);
    let mut record = StringRecord::new();
    if !next(&mut reader, &left, &mut record)? {
        return Ok(());
    }
    let columns = columns(&record).ok_or(ListError::Line(1, LineProblem::NoKeyColumn))?;
    // The reader ends a record at `\r`, and has not counted the `
    // ` that follows when the next record starts.
    let uncounted = u64::from(reader.position().line() == 1);
    while next(&mut reader, &left, &mut record).map_err(|error| error.further(uncounted))? {
        let line = record.position().map_or(0, csv::Position::line) + uncounted;
        let entry = columns.entry(&record).and_then(ListEntry::check);
        take(line, entry.map_err(|problem| ListError::Line(line, problem))?)?;
    }
    Ok(())
}

/// Reads the next record, if any. An unclosed quote could make a record as long as the list: it is limited to
/// the length of a line.
fn next<R: Read>(
    reader: &mut Reader<R>,
    left: &Cell<usize>,
    record: &mut StringRecord,
) -> Result<bool, ListError> {
    left.set(MAX_LINE + READ_AHEAD);
    let begin = reader.position().line();
    reader.read_record(record).map_err(|error| {
        let text = error.to_string();
        match error.into_kind() {
            csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                ListError::Line(begin, LineProblem::LongLine(MAX_LINE))
            }
            csv::ErrorKind::Io(error) => ListError::Io(error),
            csv::ErrorKind::Utf8 { .. } => ListError::Line(begin, LineProblem::NotText),
            _ => ListError::Line(begin, LineProblem::Csv(text)),
        }
    })
}

impl ListError {
    fn further(self, lines: u64) -> Self {
        match self {
            Self::Line(line, problem) => Self::Line(line + lines, problem),
            Self::Io(error) => Self::Io(error),
        }
    }
}

fn columns(header: &StringRecord) -> Option<Columns> {
    let column = |name: &str| header.iter().position(|column| column.trim().eq_ignore_ascii_case(name));
    Some(Columns {
        key: column("key")?,
        language: column("language"),
        channel: column("channel"),
        id: column("id"),
    })
}

impl Columns {
    fn entry(&self, record: &StringRecord) -> Result<ListEntry, LineProblem> {
        let field = |column: Option<usize>| record.get(column?).filter(|field| !field.is_empty());
        let number = |text: &str| text.parse().map_err(|_| LineProblem::Channel(text.to_owned()));
        Ok(ListEntry {
            name: field(Some(self.key)).unwrap_or_default().to_owned(),
            language: field(self.language).map(str::to_owned),
            channel: field(self.channel).map(number).transpose()?,
            id: field(self.id).map(str::to_owned),
        })
    }
}

/// A reader that fails once it has read more than its limit.
struct Limited<'a, R> {
    inner: R,
    left: &'a Cell<usize>,
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        let left = self.left.get().checked_sub(read).ok_or(io::ErrorKind::FileTooLarge)?;
        self.left.set(left);
        Ok(read)
    }
}
