//! A place of a job: a store, and what all keys there begin with.

use std::sync::Arc;

use verbatim_store::ObjectStore;

/// A store, and what all keys of the job in it begin with: empty, or as it was written (`2026/11/`, `2026/11`, `call-`).
#[derive(Clone, Debug)]
pub struct Place {
    /// The store.
    pub store: Arc<dyn ObjectStore>,
    /// What keys begin with.
    pub prefix: String,
}

impl Place {
    /// The key of a name below the prefix. A prefix that ends in no `/` gets one: names are in it as in a folder.
    pub fn key(&self, name: &str) -> String {
        let slash = if self.prefix.is_empty() || self.prefix.ends_with('/') { "" } else { "/" };
        format!("{}{slash}{name}", self.prefix)
    }

    /// The address of the prefix, for people.
    pub fn address(&self) -> String {
        self.store.address(&self.prefix)
    }
}
