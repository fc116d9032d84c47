//! Words that messages, events and the log share.

use std::fmt::Display;

/// A number of things, as "1 worker" and "3 workers".
pub fn several(number: impl Display + PartialEq + From<u8>, what: &str) -> String {
    if number == 1.into() { format!("{number} {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::several;

    #[test]
    fn one_is_singular() {
        assert_eq!([0, 1, 2].map(|number| several(number, "file")), ["0 files", "1 file", "2 files"]);
    }
}
