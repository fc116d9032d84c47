//! Lists of recordings (`spec.source.manifest`): text, JSON Lines, or CSV. Hostile input: reads are bounded,
//! and errors name the line.

mod csv;
mod entry;
mod fetch;
mod lines;

use std::io::BufRead;

pub(super) use self::entry::MAX_NAME;
pub use self::entry::{ListEntry, ListError};
pub(super) use self::fetch::{FetchError, fetch};

/// Reads a list entry by entry, with the line number of each, from 1. The extension of the list's key gives
/// its format (`.jsonl`, `.ndjson`, `.csv`); otherwise a first byte `{` means JSON Lines.
///
/// # Errors
/// [`ListError`], and those of `take`.
pub fn read<E: From<ListError>>(
    key: &str,
    mut list: impl BufRead,
    take: &mut dyn FnMut(u64, ListEntry) -> Result<(), E>,
) -> Result<(), E> {
    // Spreadsheets export a byte order mark.
    let io = |error| E::from(ListError::Io(error));
    if list.fill_buf().map_err(io)?.starts_with("\u{feff}".as_bytes()) {
        list.consume("\u{feff}".len());
    }
    let extension = super::extension::split_extension(key).1.unwrap_or_default().to_ascii_lowercase();
    let begins_json = list.fill_buf().map_err(io)?.first() == Some(&b'{');
    match extension.as_str() {
        "csv" => csv::read(list, take),
        "jsonl" | "ndjson" => lines::read(list, lines::json, take),
        _ if begins_json => lines::read(list, lines::json, take),
        _ => lines::read(list, lines::name, take),
    }
}

#[cfg(test)]
mod tests;
