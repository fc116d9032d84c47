//! Patterns of names, as a TranscriptionJob's `include` and `exclude` have them. Pure.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::audio::last;

/// A list of patterns that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the pattern {pattern:?}")]
pub struct PatternError {
    pattern: String,
    source: globset::Error,
}

/// What patterns say of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Take it if it looks like audio.
    Look,
    /// Take it.
    Take,
    /// Leave it out.
    Leave,
}

/// Which names are taken.
#[derive(Clone, Debug)]
pub struct Patterns {
    include: Option<Side>,
    exclude: Side,
}

impl Patterns {
    /// Reads both lists. `*` stands for any characters but `/`, `**` for any folders, `?` for one character; everything
    /// else stands for itself.
    ///
    /// # Errors
    /// [`PatternError`] for a pattern that the matcher refuses, as one that is far too long.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, PatternError> {
        let include = if include.is_empty() { None } else { Some(Side::new(include)?) };
        Ok(Self { include, exclude: Side::new(exclude)? })
    }

    /// Whether a recording is taken, given its name below the prefix or folder.
    pub fn choose(&self, name: &str) -> Choice {
        if self.exclude.matches(name) {
            return Choice::Leave;
        }
        match &self.include {
            None => Choice::Look,
            Some(include) if include.matches(name) => Choice::Take,
            Some(_) => Choice::Leave,
        }
    }
}

/// A list: patterns without `/` are held against the last part of a name, the others against all of it.
#[derive(Clone, Debug)]
struct Side {
    parts: GlobSet,
    names: GlobSet,
}

impl Side {
    fn new(patterns: &[String]) -> Result<Self, PatternError> {
        let (names, parts): (Vec<&String>, Vec<&String>) =
            patterns.iter().partition(|pattern| pattern.contains('/'));
        Ok(Self { parts: set(&parts)?, names: set(&names)? })
    }

    fn matches(&self, name: &str) -> bool {
        self.names.is_match(name) || self.parts.is_match(last(name))
    }
}

fn set(patterns: &[&String]) -> Result<GlobSet, PatternError> {
    let wrong = |pattern: &str, source| PatternError { pattern: pattern.to_owned(), source };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(&plain(pattern)).literal_separator(true).backslash_escape(true).build();
        set.add(glob.map_err(|source| wrong(pattern, source))?);
    }
    set.build().map_err(|source| wrong("", source))
}

/// Takes their meaning from the characters that only the matcher gives one.
fn plain(pattern: &str) -> String {
    let mut plain = String::with_capacity(pattern.len());
    for character in pattern.chars() {
        if matches!(character, '[' | ']' | '{' | '}' | '\\') {
            plain.push('\\');
        }
        plain.push(character);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(include: &[&str], exclude: &[&str], name: &str) -> Choice {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        Patterns::new(&owned(include), &owned(exclude)).unwrap().choose(name)
    }

    #[test]
    fn include_and_exclude() {
        assert_eq!(choice(&[], &[], "a/b.wav"), Choice::Look);
        assert_eq!(choice(&["*.wav"], &[], "a/b.wav"), Choice::Take);
        assert_eq!(choice(&["*.wav"], &[], "a/b.mp3"), Choice::Leave);
        assert_eq!(choice(&["a/*.wav"], &[], "a/b.wav"), Choice::Take);
        assert_eq!(choice(&["a/*.wav"], &[], "a/b/c.wav"), Choice::Leave);
        assert_eq!(choice(&["a/**"], &[], "a/b/c.wav"), Choice::Take);
        assert_eq!(choice(&["*.wav"], &["drafts/**"], "drafts/b.wav"), Choice::Leave);
        assert_eq!(choice(&[], &["*.bak"], "a/b.bak"), Choice::Leave);
        assert_eq!(choice(&["?.wav"], &[], "ab.wav"), Choice::Leave);
    }

    #[test]
    fn brackets_stand_for_themselves() {
        assert_eq!(choice(&["call [1] {a,b}\\.wav"], &[], "call [1] {a,b}\\.wav"), Choice::Take);
        assert_eq!(choice(&["call [1].wav"], &[], "call 1.wav"), Choice::Leave);
    }

    #[test]
    fn a_pattern_that_is_far_too_long_is_refused() {
        let long = vec!["?".repeat(300_000)];
        let error = Patterns::new(&long, &[]).err().unwrap();
        assert!(error.to_string().starts_with("failed to read the pattern"));
    }
}
