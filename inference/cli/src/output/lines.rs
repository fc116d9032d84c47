//! Line breaking of subtitles. Pure.
//!
//! A line breaks between words, or between wide characters in scripts without spaces. Width is counted in
//! columns; a wide (CJK) character has two.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Most columns of a line: the limit of broadcasters and streaming services for Latin scripts.
pub const MAX_COLUMNS: usize = 42;

/// Characters that must not begin a line in Chinese and Japanese: they stay with the character before them.
const NEVER_FIRST: &str = "、。，．！？：；）】」』〉》〕］｝ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ";

/// Extra difference between two lines, in columns, if the first ends with a clause: about two words.
const CLAUSE_BONUS: usize = 12;

/// A piece of text without line breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The text, without spaces.
    pub text: String,
    /// Columns of the text.
    pub width: usize,
    /// Whether a space stands before it, inside a line.
    pub spaced: bool,
}

/// Splits text into units of at most `most` columns. Drops control characters and byte order marks; any white
/// space separates words.
pub fn units(text: &str, most: usize) -> Vec<Unit> {
    let mut units = Vec::new();
    for word in text.split_whitespace() {
        let word: String = word.chars().filter(|c| !c.is_control() && *c != '\u{feff}').collect();
        let first = units.len();
        split_word(&word, most, &mut units);
        if let Some(unit) = units.get_mut(first) {
            unit.spaced = true;
        }
    }
    units
}

/// Splits a word at its wide characters, and after `most` columns.
fn split_word(word: &str, most: usize, units: &mut Vec<Unit>) {
    let mut piece = String::new();
    let mut wide_before = false;
    for character in word.chars() {
        let width = character.width().unwrap_or(0);
        let wide = width > 1;
        let joins = width == 0 || NEVER_FIRST.contains(character);
        let full = piece.width() + width > most;
        if !piece.is_empty() && (full || (!joins && (wide || wide_before))) {
            push(std::mem::take(&mut piece), units);
        }
        piece.push(character);
        // A combining mark does not change the width of its character.
        wide_before = if width == 0 { wide_before } else { wide };
    }
    if !piece.is_empty() {
        push(piece, units);
    }
}

fn push(text: String, units: &mut Vec<Unit>) {
    units.push(Unit { width: text.width(), text, spaced: false });
}

/// Columns of units on one line.
pub fn width(units: &[Unit]) -> usize {
    let spaces = units.iter().skip(1).filter(|unit| unit.spaced).count();
    units.iter().map(|unit| unit.width).sum::<usize>() + spaces
}

/// Units as one line.
pub fn join(units: &[Unit]) -> String {
    let mut line = String::new();
    for (position, unit) in units.iter().enumerate() {
        if unit.spaced && position > 0 {
            line.push(' ');
        }
        line.push_str(&unit.text);
    }
    line
}

/// Lays out units on one line, or on two of about equal length, of which the first ends with a clause if
/// possible. `indent` columns of the first line are taken.
///
/// `None` where they do not fit two lines.
pub fn lay_out(units: &[Unit], indent: usize) -> Option<Vec<String>> {
    if indent + width(units) <= MAX_COLUMNS {
        return Some(vec![join(units)]);
    }
    let breaks = (1..units.len()).filter_map(|at| {
        let (first, second) = (indent + width(&units[..at]), width(&units[at..]));
        let uneven = first.abs_diff(second) + if ends_clause(&units[at - 1]) { 0 } else { CLAUSE_BONUS };
        (first <= MAX_COLUMNS && second <= MAX_COLUMNS).then_some((uneven, at))
    });
    let (_, at) = breaks.min()?;
    Some(vec![join(&units[..at]), join(&units[at..])])
}

/// Whether a unit ends a clause.
pub fn ends_clause(unit: &Unit) -> bool {
    unit.text.ends_with([',', '.', ';', ':', '?', '!', '、', '。', '，', '？', '！'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn laid(text: &str, indent: usize) -> Option<Vec<String>> {
        lay_out(&units(text, MAX_COLUMNS - indent), indent)
    }

    #[test]
    fn short_text_is_one_line() {
        assert_eq!(laid("It was the best of times.", 0), Some(vec!["It was the best of times.".to_owned()]));
        assert_eq!(laid(" a\t\nb\u{2028}c\0 ", 0), Some(vec!["a b c".to_owned()]));
    }

    #[test]
    fn two_lines_are_balanced() {
        let lines = laid("it was the age of wisdom, it was the age of foolishness", 0);
        assert_eq!(
            lines,
            Some(vec!["it was the age of wisdom,".into(), "it was the age of foolishness".into()])
        );
    }

    #[test]
    fn the_indent_counts_as_columns() {
        let text = "x ".repeat(16);
        assert_eq!(laid(&text, 0).map(|lines| lines.len()), Some(1));
        assert_eq!(laid(&text, 12).map(|lines| lines.len()), Some(2));
    }

    #[test]
    fn text_that_does_not_fit_two_lines_is_refused() {
        assert_eq!(laid(&"word ".repeat(20), 0), None);
    }

    #[test]
    fn scripts_without_spaces_break_between_characters() {
        let lines = laid(&"これは、とても長い文です。".repeat(3), 0).unwrap();
        assert_eq!(lines.len(), 2);
        for line in &lines {
            assert!(line.width() <= MAX_COLUMNS, "{line}");
            assert!(!line.starts_with('、') && !line.starts_with('。'), "{line}");
        }
        assert_eq!(lines.concat(), "これは、とても長い文です。".repeat(3));
    }

    #[test]
    fn a_word_longer_than_a_line_is_split() {
        let lines = laid(&"a".repeat(60), 0).unwrap();
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [42, 18]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_unit_is_too_wide(text in "\\PC{0,200}") {
            let units = units(&text, MAX_COLUMNS);
            let plain: String = text.chars().filter(|c| !c.is_whitespace() && *c != '\u{feff}').collect();
            prop_assert_eq!(units.iter().map(|unit| unit.text.as_str()).collect::<String>(), plain);
            for unit in &units {
                prop_assert!(unit.width <= MAX_COLUMNS, "{:?}", unit);
            }
        }

        #[test]
        fn no_line_exceeds_the_limit(text in "([a-z,.]{1,12} ){0,30}|[ぁ-ん一-龠。、a-z ]{0,60}", indent in 0_usize..12) {
            if let Some(lines) = laid(&text, indent) {
                prop_assert!(lines.len() <= 2);
                for (position, line) in lines.iter().enumerate() {
                    let indent = if position == 0 { indent } else { 0 };
                    prop_assert!(indent + line.width() <= MAX_COLUMNS, "{:?}", line);
                }
            }
        }
    }
}
