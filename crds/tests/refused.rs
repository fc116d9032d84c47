//! The local parser refuses what the API server must refuse, at the same field.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use verbatim_crds::manifest::{self, ManifestError, ProblemKind};

mod refusals;

#[test]
fn the_base_and_changes_before_the_start_are_valid() {
    manifest::parse(&refusals::base().to_string()).unwrap();
    for change in refusals::started() {
        manifest::parse(&change.manifest.to_string())
            .unwrap_or_else(|error| panic!("{}: {error}", change.name));
    }
}

#[test]
fn each_refusal_applies_locally() {
    let all = refusals::all();
    assert!(all.len() >= 45, "{}", all.len());
    let names: BTreeSet<_> = all.iter().map(|refusal| &refusal.name).collect();
    assert_eq!(names.len(), all.len());
    for refusal in &all {
        assert!(!refusal.says.is_empty(), "{}", refusal.name);
        match manifest::parse(&refusal.manifest.to_string()) {
            Err(ManifestError::Invalid { problems }) => {
                let same = |path: &str| path.starts_with(&refusal.field) || refusal.field.starts_with(path);
                assert!(problems.iter().all(|problem| same(&problem.path)), "{}: {problems:?}", refusal.name);
            }
            other => panic!("{}: {other:?}", refusal.name),
        }
    }
}

/// Each validation error has an entry, except for those that CEL cannot check.
#[test]
fn each_validation_error_has_an_entry() {
    let mut found = BTreeSet::new();
    for refusal in refusals::all() {
        if let Err(ManifestError::Invalid { problems }) = manifest::parse(&refusal.manifest.to_string()) {
            found.extend(problems.into_iter().filter_map(|problem| match problem.kind {
                ProblemKind::Validation(error) => {
                    Some(format!("{error:?}").split(['(', ' ']).next().unwrap_or_default().to_owned())
                }
                _ => None,
            }));
        }
    }
    let source = include_str!("../src/validation_error.rs");
    let variants = source.split_once("pub enum ValidationError {").unwrap().1.split_once("\n}").unwrap().0;
    for line in variants.lines().filter_map(|line| line.strip_prefix("    ")) {
        let name: String = line.chars().take_while(char::is_ascii_alphanumeric).collect();
        let on_clusters_only = ["NoGpu", "NoVolume"].contains(&name.as_str());
        // The schema reports a duplicate key as an entry of a set.
        if !name.is_empty() && !on_clusters_only && name != "KeyTwice" {
            assert!(found.contains(&name), "{name} is not in crds/refusals");
        }
    }
}
