//! What recordings are called below their prefix, and where their transcripts go. Pure.

use verbatim_crds::destination::{Format, Layout};

use super::audio::{last, split_ending};
use crate::place::Place;

/// The rules of one job.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    pub(super) layout: Layout,
    pub(super) source: Place,
    pub(super) destination: Place,
}

impl Naming {
    /// A recording's name below the prefix.
    ///
    /// A prefix that ends within a part of the key (`call-`) takes the beginning of that part away. Where it takes so
    /// much that the rest is no name (`call` of `call.wav`, or all of it), the name is the whole part.
    pub(super) fn name<'k>(&self, key: &'k str) -> &'k str {
        let prefix = &self.source.prefix;
        let Some(rest) = key.strip_prefix(prefix.as_str()) else { return key };
        if prefix.is_empty() || prefix.ends_with('/') {
            return rest;
        }
        match rest.strip_prefix('/') {
            Some(below) => below,
            None if rest.is_empty() || rest.starts_with('.') => {
                let part = prefix.rfind('/').map_or(0, |at| at + 1);
                &key[part..]
            }
            None => rest,
        }
    }

    /// The key of a recording's transcript, without the ending of a format. `whole`: the recording shares its name
    /// without its ending with another, so that both keep theirs.
    pub(super) fn target(&self, key: &str, whole: bool) -> String {
        let stem = |name: &str| if whole { name.to_owned() } else { split_ending(name).0.to_owned() };
        match self.layout {
            Layout::Mirror => self.destination.key(&stem(self.name(key))),
            Layout::Flat => self.destination.key(&stem(last(self.name(key)))),
            Layout::Adjacent => stem(key),
        }
    }

    /// What the keys of all transcripts begin with.
    pub(super) fn targets(&self) -> String {
        match self.layout {
            Layout::Mirror | Layout::Flat => self.destination.key(""),
            Layout::Adjacent => self.source.prefix.clone(),
        }
    }
}

/// A transcript's file: its key without an ending, and a format.
pub(super) fn with_ending(target: &str, format: Format) -> String {
    format!("{target}.{}", format.extension())
}

/// Whether a name, or a folder in it, begins with a dot.
pub(super) fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use verbatim_store::memory::MemoryStore;

    use super::*;

    fn naming(layout: Layout, from: &str, to: &str) -> Naming {
        let place = |prefix: &str| Place { store: Arc::new(MemoryStore::new()), prefix: prefix.to_owned() };
        Naming { layout, source: place(from), destination: place(to) }
    }

    #[test]
    fn names_below_prefixes() {
        let name = |prefix: &str, key: &'static str| naming(Layout::Mirror, prefix, "").name(key);
        assert_eq!(name("", "a/b.wav"), "a/b.wav");
        assert_eq!(name("a/", "a/b.wav"), "b.wav");
        assert_eq!(name("a", "a/b.wav"), "b.wav");
        assert_eq!(name("x/call-", "x/call-1.wav"), "1.wav");
        assert_eq!(name("x/call", "x/call.wav"), "call.wav");
        assert_eq!(name("x/call.wav", "x/call.wav"), "call.wav");
        assert_eq!(name("a/", "a//b.wav"), "/b.wav");
        assert_eq!(name("", "/b.wav"), "/b.wav");
        assert!(is_hidden(name("a", "a/.verbatim/b.wav")));
        assert!(is_hidden(name("a/", "a/x/../b.wav")));
        assert!(!is_hidden(name(".a/", ".a/b.wav")));
    }

    #[test]
    fn layouts() {
        let target = |layout, key, whole| naming(layout, "in/", "out").target(key, whole);
        assert_eq!(target(Layout::Mirror, "in/x/a.b.wav", false), "out/x/a.b");
        assert_eq!(target(Layout::Mirror, "in/x/a.b.wav", true), "out/x/a.b.wav");
        assert_eq!(target(Layout::Mirror, "in/x.y/a", false), "out/x.y/a");
        assert_eq!(target(Layout::Flat, "in/x/a.wav", false), "out/a");
        assert_eq!(target(Layout::Adjacent, "in/x/a.wav", false), "in/x/a");
        assert_eq!(target(Layout::Adjacent, "in/x/a.wav", true), "in/x/a.wav");
        assert_eq!(with_ending("out/a", Format::Vtt), "out/a.vtt");
    }
}
