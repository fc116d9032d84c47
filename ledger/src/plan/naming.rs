//! Names of recordings below their prefix, and keys of their transcripts. Pure.

use verbatim_crds::destination::{Format, Layout};

use super::extension::{file_name, split_extension};
use crate::store_location::StoreLocation;

/// Naming rules of a job.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    pub(super) layout: Layout,
    pub(super) source: StoreLocation,
    pub(super) destination: StoreLocation,
}

impl Naming {
    /// Name of a recording below the prefix.
    ///
    /// If the prefix ends inside a part of the key (`call-`), the name lacks the start of that part. If
    /// nothing useful would remain (`call` of `call.wav`, or all of it), the name is the whole part.
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

    /// Key of a recording's transcript, without a format's extension. `keep_extension`: another recording has
    /// the same name except for the extension, so that both keep theirs.
    pub(super) fn target(&self, key: &str, keep_extension: bool) -> String {
        let stem =
            |name: &str| if keep_extension { name.to_owned() } else { split_extension(name).0.to_owned() };
        match self.layout {
            Layout::Mirror => self.destination.key(&stem(self.name(key))),
            Layout::Flat => self.destination.key(&stem(file_name(self.name(key)))),
            Layout::Adjacent => stem(key),
        }
    }

    /// Prefix of the keys of all transcripts.
    pub(super) fn targets(&self) -> String {
        match self.layout {
            Layout::Mirror | Layout::Flat => self.destination.key(""),
            Layout::Adjacent => self.source.prefix.clone(),
        }
    }
}

/// Key of a transcript in a format.
pub(crate) fn transcript_key(target: &str, format: Format) -> String {
    format!("{target}.{}", format.extension())
}

/// Whether a name, or a folder in it, starts with a dot.
pub(super) fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use verbatim_store::memory::MemoryStore;

    use super::*;

    fn naming(layout: Layout, from: &str, to: &str) -> Naming {
        let location =
            |prefix: &str| StoreLocation { store: Arc::new(MemoryStore::new()), prefix: prefix.to_owned() };
        Naming { layout, source: location(from), destination: location(to) }
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
        let target = |layout, key, keep_extension| naming(layout, "in/", "out").target(key, keep_extension);
        assert_eq!(target(Layout::Mirror, "in/x/a.b.wav", false), "out/x/a.b");
        assert_eq!(target(Layout::Mirror, "in/x/a.b.wav", true), "out/x/a.b.wav");
        assert_eq!(target(Layout::Mirror, "in/x.y/a", false), "out/x.y/a");
        assert_eq!(target(Layout::Flat, "in/x/a.wav", false), "out/a");
        assert_eq!(target(Layout::Adjacent, "in/x/a.wav", false), "in/x/a");
        assert_eq!(target(Layout::Adjacent, "in/x/a.wav", true), "in/x/a.wav");
        assert_eq!(transcript_key("out/a", Format::Vtt), "out/a.vtt");
    }
}
