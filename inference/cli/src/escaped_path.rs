//! Paths in messages: on one line, in UTF-8 and safe for a terminal.

use std::{fmt, os::unix::ffi::OsStrExt, path::Path};

/// Displays a path with line breaks, control characters and bytes that are not UTF-8 as escapes.
pub struct EscapedPath<'a>(pub &'a Path);

impl fmt::Display for EscapedPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.as_os_str().as_bytes().utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '\n' | '\r' | '\t' | '\\' => write!(f, "{}", character.escape_default())?,
                    // Bidirectional controls can make one name look like another.
                    _ if character.is_control() || is_bidi_control(character) => {
                        write!(f, "{}", character.escape_unicode())?;
                    }
                    _ => write!(f, "{character}")?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

fn is_bidi_control(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn escapes_keep_unusual_names_on_one_line() {
        let escaped = |bytes: &[u8]| EscapedPath(Path::new(OsStr::from_bytes(bytes))).to_string();
        assert_eq!(escaped(b"calls/a b'\"c.wav"), "calls/a b'\"c.wav");
        assert_eq!(escaped("caf\u{e9}.wav".as_bytes()), "caf\u{e9}.wav");
        assert_eq!(escaped(b"two\nlines\\\x1b[2J"), "two\\nlines\\\\\\u{1b}[2J");
        assert_eq!(escaped(b"\xffhalf\xc3"), "\\xffhalf\\xc3");
        assert_eq!(escaped("gpj.\u{202e}wav".as_bytes()), "gpj.\\u{202e}wav");
    }
}
