//! File names in messages: on one line, in UTF-8, and safe for a terminal.

use std::{fmt, os::unix::ffi::OsStrExt, path::Path};

/// Shows a path with line breaks, control characters, and bytes that are not UTF-8 as escapes.
pub struct Shown<'a>(pub &'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.as_os_str().as_bytes().utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '\n' | '\r' | '\t' | '\\' => write!(f, "{}", character.escape_default())?,
                    // Marks that turn the direction of writing can make a name look like another.
                    _ if character.is_control() || is_direction(character) => {
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

fn is_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn odd_names_stay_on_one_line() {
        let shown = |bytes: &[u8]| Shown(Path::new(OsStr::from_bytes(bytes))).to_string();
        assert_eq!(shown(b"calls/a b'\"c.wav"), "calls/a b'\"c.wav");
        assert_eq!(shown("caf\u{e9}.wav".as_bytes()), "caf\u{e9}.wav");
        assert_eq!(shown(b"two\nlines\\\x1b[2J"), "two\\nlines\\\\\\u{1b}[2J");
        assert_eq!(shown(b"\xffhalf\xc3"), "\\xffhalf\\xc3");
        assert_eq!(shown("gpj.\u{202e}wav".as_bytes()), "gpj.\\u{202e}wav");
    }
}
