//! Suggestions for unknown words.

use std::fmt;

use strsim::{damerau_levenshtein, jaro_winkler};

/// Maximum number of listed words.
const LISTED: usize = 24;

/// Similarity above which one word counts as a typo of the other: `sorce` matches `source`, `vad` does not
/// match `lang`.
const SIMILAR: f64 = 0.8;

/// Suggestion for an unknown word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suggestion {
    /// The most similar known word.
    Near(String),
    /// Path of a field with this name elsewhere.
    Elsewhere(String),
    /// All known words.
    Known(Vec<String>),
    /// No word is known here.
    Nothing,
}

impl Suggestion {
    /// The most similar of the `known` words, or all of them.
    pub fn of(word: &str, known: &[String]) -> Self {
        match nearest(word, known) {
            Some(near) => Self::Near(near.to_owned()),
            None if known.is_empty() => Self::Nothing,
            None => Self::Known(known.to_vec()),
        }
    }
}

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Near(word) => write!(f, ", did you mean {word:?}?"),
            Self::Elsewhere(path) => write!(f, ", it belongs to {path}"),
            Self::Known(words) if words.len() <= LISTED => {
                write!(f, ", expected one of {}", words.join(", "))
            }
            Self::Known(words) => write!(f, ", expected one of {}, ...", words[..LISTED].join(", ")),
            Self::Nothing => Ok(()),
        }
    }
}

/// The most similar word of `known`, if it is similar enough. Case is ignored.
pub fn nearest<'a>(word: &str, known: &'a [String]) -> Option<&'a str> {
    let lower = word.to_lowercase();
    known
        .iter()
        .map(|candidate| (similarity(&lower, &candidate.to_lowercase()), candidate.as_str()))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

/// Similarity from 0 to 1. A common prefix, as of `format` and `formats`, weighs more than other letters.
fn similarity(left: &str, right: &str) -> f64 {
    let longest = left.chars().count().max(right.chars().count()).max(1);
    // Very long words match none, and the distance costs the product of the lengths.
    if longest > 100 {
        return 0.0;
    }
    let edits = damerau_levenshtein(left, right);
    match edits {
        // In `jaro_winkler` one wrong, missing or swapped letter of a short word weighs too much: STR for
        // SRT.
        1 if longest >= 3 => jaro_winkler(left, right).max(SIMILAR),
        _ if edits * 2 > longest => 0.0,
        _ => jaro_winkler(left, right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn typos_are_recognized() {
        let known = words(&["source", "destination", "storage", "formats", "maxWorkers", "s3", "file"]);
        for (written, meant) in [
            ("sorce", "source"),
            ("destnation", "destination"),
            ("format", "formats"),
            ("max_workers", "maxWorkers"),
            ("maxworkers", "maxWorkers"),
            ("File", "file"),
            ("S3", "s3"),
            ("flie", "file"),
        ] {
            assert_eq!(nearest(written, &known), Some(meant), "{written}");
        }
        for far in ["colour", "x", "", "vad", &"source".repeat(1000)] {
            assert_eq!(nearest(far, &known), None, "{far}");
        }
    }

    #[test]
    fn suggestions_as_text() {
        assert_eq!(
            Suggestion::of("IfStael", &words(&["IfStale", "Never"])).to_string(),
            ", did you mean \"IfStale\"?"
        );
        assert_eq!(Suggestion::of("x", &words(&["a", "b"])).to_string(), ", expected one of a, b");
        assert_eq!(Suggestion::of("x", &[]).to_string(), "");
        assert_eq!(Suggestion::Elsewhere("spec.source".into()).to_string(), ", it belongs to spec.source");
        let many: Vec<String> = (0..100).map(|n| format!("word{n}")).collect();
        assert!(Suggestion::of("x", &many).to_string().ends_with("word23, ..."));
    }
}
