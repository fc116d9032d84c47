//! Patterns of file names, as a TranscriptionJob's `include` and `exclude` have them. Pure.

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::local::walk::Choice;

/// A list of patterns that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the pattern {pattern:?}")]
pub struct PatternError {
    pattern: String,
    source: globset::Error,
}

/// Which files are taken.
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

    /// Whether a file is taken, given its path below the folder.
    pub fn choose(&self, below: &Path) -> Choice {
        if self.exclude.matches(below) {
            return Choice::Leave;
        }
        match &self.include {
            None => Choice::Look,
            Some(include) if include.matches(below) => Choice::Take,
            Some(_) => Choice::Leave,
        }
    }
}

/// A list: patterns without `/` are held against the last part of a path, the others against all of it.
#[derive(Clone, Debug)]
struct Side {
    names: GlobSet,
    paths: GlobSet,
}

impl Side {
    fn new(patterns: &[String]) -> Result<Self, PatternError> {
        let (paths, names): (Vec<&String>, Vec<&String>) =
            patterns.iter().partition(|pattern| pattern.contains('/'));
        Ok(Self { names: set(&names)?, paths: set(&paths)? })
    }

    fn matches(&self, below: &Path) -> bool {
        self.paths.is_match(below) || below.file_name().is_some_and(|name| self.names.is_match(name))
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

    fn choice(include: &[&str], exclude: &[&str], path: &str) -> Choice {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        Patterns::new(&owned(include), &owned(exclude)).unwrap().choose(Path::new(path))
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
}
