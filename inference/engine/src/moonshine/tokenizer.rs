//! Moonshine's token table: records of a length and bytes. The token is the number of its record.

use std::path::Path;

/// First token of every sequence.
pub(super) const BEGIN: u32 = 1;
/// Token that ends a sequence.
pub(super) const END: u32 = 2;
/// Represents a space inside tokens.
const SPACE: char = '\u{2581}';

/// Failure to read a token table.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The file could not be read.
    #[error("failed to read the token table")]
    Read(#[from] std::io::Error),
    /// A record exceeds the file.
    #[error("the token table is cut off in record {0}")]
    Cut(usize),
}

/// Conversion of tokens to text.
pub(super) struct Tokenizer {
    records: Vec<Box<[u8]>>,
}

impl Tokenizer {
    /// Reads `tokenizer.bin`. A length below 128 is one byte, a longer one two: `b1 · 128 + b0 - 128`.
    pub(super) fn load(path: &Path) -> Result<Self, TokenizerError> {
        Self::parse(&std::fs::read(path)?)
    }

    fn parse(bytes: &[u8]) -> Result<Self, TokenizerError> {
        let mut records = Vec::new();
        let mut rest = bytes;
        while let Some((&first, tail)) = rest.split_first() {
            let cut = || TokenizerError::Cut(records.len());
            let (length, tail) = if first < 128 {
                (usize::from(first), tail)
            } else {
                let (&second, tail) = tail.split_first().ok_or_else(cut)?;
                (usize::from(second) * 128 + usize::from(first) - 128, tail)
            };
            let record = tail.get(..length).ok_or_else(cut)?;
            rest = &tail[length..];
            records.push(record.into());
        }
        Ok(Self { records })
    }

    /// Text of a sequence. Control tokens such as `<s>` are skipped, bytes that are not UTF-8 are replaced.
    pub(super) fn text(&self, tokens: &[u32]) -> String {
        let mut bytes = Vec::new();
        for token in tokens {
            match self.records.get(*token as usize).map(AsRef::as_ref) {
                Some([b'<', b'0', b'x', hex @ .., b'>']) if hex.len() == 2 => {
                    // Byte fallback: "<0xE2>" is one byte of a character without a token of its own.
                    bytes.extend(std::str::from_utf8(hex).ok().and_then(|h| u8::from_str_radix(h, 16).ok()));
                }
                Some([b'<', .., b'>']) | None => {}
                Some(record) => bytes.extend_from_slice(record),
            }
        }
        String::from_utf8_lossy(&bytes).replace(SPACE, " ").trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_become_text() {
        let long = "x".repeat(130);
        let mut bytes = vec![5];
        bytes.extend(b"<unk>");
        bytes.extend([5, 0xe2, 0x96, 0x81, b'h', b'i', 6]);
        bytes.extend(b"<0xC3>");
        bytes.push(6);
        bytes.extend(b"<0xA9>");
        bytes.extend([130, 1]);
        bytes.extend(long.as_bytes());
        let tokenizer = Tokenizer::parse(&bytes).unwrap();
        assert_eq!(tokenizer.text(&[0, 1, 2, 3, 1]), "hi\u{e9} hi");
        assert_eq!(tokenizer.text(&[4, 99]), long);
    }

    #[test]
    fn a_truncated_table_is_an_error() {
        assert!(matches!(Tokenizer::parse(&[3, b'a']), Err(TokenizerError::Cut(0))));
        assert!(matches!(Tokenizer::parse(&[1, b'a', 200]), Err(TokenizerError::Cut(1))));
    }
}
