//! Pages of Ogg files: where a chained stream starts, and whether the last page is whole. No I/O but reading.
//!
//! FFmpeg goes on from one chained stream to the next only if codec and channels stay the same, and does not
//! tell that a file ends within a page.

use std::io::{self, Read, Seek, SeekFrom};

/// Bytes of a page's header before its table of segments. Source: RFC 3533, section 6.
const HEADER: usize = 27;
/// Flag of the first page of a stream.
const FIRST: u8 = 2;
/// Maximum length of a page.
const MAX_PAGE: u64 = 27 + 255 + 255 * 255;

/// Offset of the first stream after those that start at `from`; `None` at the end of the file, or behind
/// damage.
pub(super) fn next_chained_stream(source: &mut (impl Read + Seek), from: u64) -> io::Result<Option<u64>> {
    let mut at = from;
    let mut in_data = false;
    while let Some(page) = read_page(source, at)? {
        if page.is_first && in_data {
            return Ok(Some(at));
        }
        in_data |= !page.is_first;
        at += page.length;
    }
    Ok(None)
}

/// Whether a file of `length` bytes ends within a page.
pub(super) fn is_cut(source: &mut (impl Read + Seek), length: u64) -> io::Result<bool> {
    let from = length.saturating_sub(2 * MAX_PAGE);
    source.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    source.by_ref().take(2 * MAX_PAGE).read_to_end(&mut tail)?;
    let Some(last) = tail.windows(4).rposition(|bytes| bytes == b"OggS") else { return Ok(true) };
    let at = from + last as u64;
    Ok(read_page(source, at)?.is_none_or(|page| at + page.length > length))
}

struct Page {
    is_first: bool,
    length: u64,
}

fn read_page(source: &mut (impl Read + Seek), at: u64) -> io::Result<Option<Page>> {
    source.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::with_capacity(HEADER + 255);
    source.by_ref().take((HEADER + 255) as u64).read_to_end(&mut bytes)?;
    if bytes.len() < HEADER || !bytes.starts_with(b"OggS") {
        return Ok(None);
    }
    let segments = usize::from(bytes[HEADER - 1]);
    let Some(table) = bytes.get(HEADER..HEADER + segments) else { return Ok(None) };
    let body: u64 = table.iter().map(|&length| u64::from(length)).sum();
    Ok(Some(Page { is_first: bytes[5] & FIRST != 0, length: (HEADER + segments) as u64 + body }))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use verbatim_fixtures::signal::fixture;

    use super::*;

    #[test]
    fn chained_streams_are_found_and_cut_pages_noticed() {
        let bytes = std::fs::read(fixture("chained.ogg")).unwrap();
        let mut source = Cursor::new(&bytes);
        let second = next_chained_stream(&mut source, 0).unwrap().unwrap();
        let start = usize::try_from(second).unwrap();
        assert_eq!((&bytes[start..start + 4], bytes[start + 5]), (&b"OggS"[..], FIRST));
        assert_eq!(next_chained_stream(&mut source, second).unwrap(), None);
        for length in [bytes.len() - 1, bytes.len() - 100, start + 20, 3] {
            assert!(is_cut(&mut Cursor::new(&bytes[..length]), length as u64).unwrap(), "{length}");
        }
        for length in [bytes.len(), start] {
            assert!(!is_cut(&mut Cursor::new(&bytes[..length]), length as u64).unwrap(), "{length}");
        }
    }
}
