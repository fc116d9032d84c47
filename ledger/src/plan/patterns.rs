//! Patterns for names: `include` and `exclude` of a TranscriptionJob. Pure.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::extension::file_name;

/// Invalid pattern.
#[derive(Debug, thiserror::Error)]
#[error("failed to parse the pattern {pattern:?}")]
pub struct PatternError {
    pattern: String,
    source: globset::Error,
}

/// Selection of a name by the patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Include the name if it has an audio extension.
    IfAudio,
    /// Include the name.
    Include,
    /// Exclude the name.
    Exclude,
}

/// Patterns of a job.
#[derive(Clone, Debug)]
pub struct Patterns {
    include: Option<PatternSet>,
    exclude: PatternSet,
}

impl Patterns {
    /// Parses both lists. `*` matches any characters but `/`, `**` any folders, `?` one character; everything
    /// else matches itself.
    ///
    /// # Errors
    /// [`PatternError`] for a pattern that the matcher refuses, such as one that is far too long.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, PatternError> {
        let include = if include.is_empty() { None } else { Some(PatternSet::new(include)?) };
        Ok(Self { include, exclude: PatternSet::new(exclude)? })
    }

    /// Selection of a recording by its name below the prefix or folder.
    pub fn select(&self, name: &str) -> Selection {
        if self.exclude.matches(name) {
            return Selection::Exclude;
        }
        match &self.include {
            None => Selection::IfAudio,
            Some(include) if include.matches(name) => Selection::Include,
            Some(_) => Selection::Exclude,
        }
    }
}

/// A list of patterns: those without `/` match the last part of a name, the others all of it.
#[derive(Clone, Debug)]
struct PatternSet {
    parts: GlobSet,
    names: GlobSet,
}

impl PatternSet {
    fn new(patterns: &[String]) -> Result<Self, PatternError> {
        let (names, parts): (Vec<&String>, Vec<&String>) =
            patterns.iter().partition(|pattern| pattern.contains('/'));
        Ok(Self { parts: glob_set(&parts)?, names: glob_set(&names)? })
    }

    fn matches(&self, name: &str) -> bool {
        self.names.is_match(name) || self.parts.is_match(file_name(name))
    }
}

fn glob_set(patterns: &[&String]) -> Result<GlobSet, PatternError> {
    let wrong = |pattern: &str, source| PatternError { pattern: pattern.to_owned(), source };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(&escape(pattern)).literal_separator(true).backslash_escape(true).build();
        set.add(glob.map_err(|source| wrong(pattern, source))?);
    }
    set.build().map_err(|source| wrong("", source))
}

/// Escapes the characters that are special to the matcher only.
fn escape(pattern: &str) -> String {
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

    fn choice(include: &[&str], exclude: &[&str], name: &str) -> Selection {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        Patterns::new(&owned(include), &owned(exclude)).unwrap().select(name)
    }

    #[test]
    fn include_and_exclude() {
        assert_eq!(choice(&[], &[], "a/b.wav"), Selection::IfAudio);
        assert_eq!(choice(&["*.wav"], &[], "a/b.wav"), Selection::Include);
        assert_eq!(choice(&["*.wav"], &[], "a/b.mp3"), Selection::Exclude);
        assert_eq!(choice(&["a/*.wav"], &[], "a/b.wav"), Selection::Include);
        assert_eq!(choice(&["a/*.wav"], &[], "a/b/c.wav"), Selection::Exclude);
        assert_eq!(choice(&["a/**"], &[], "a/b/c.wav"), Selection::Include);
        assert_eq!(choice(&["*.wav"], &["drafts/**"], "drafts/b.wav"), Selection::Exclude);
        assert_eq!(choice(&[], &["*.bak"], "a/b.bak"), Selection::Exclude);
        assert_eq!(choice(&["?.wav"], &[], "ab.wav"), Selection::Exclude);
    }

    #[test]
    fn brackets_stand_for_themselves() {
        assert_eq!(choice(&["call [1] {a,b}\\.wav"], &[], "call [1] {a,b}\\.wav"), Selection::Include);
        assert_eq!(choice(&["call [1].wav"], &[], "call 1.wav"), Selection::Exclude);
    }

    #[test]
    fn a_pattern_that_is_far_too_long_is_refused() {
        let long = vec!["?".repeat(300_000)];
        let error = Patterns::new(&long, &[]).err().unwrap();
        assert!(error.to_string().starts_with("failed to parse the pattern"));
    }
}
