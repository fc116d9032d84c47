//! Source or destination of a job: a store and a key prefix.

use std::sync::Arc;

use verbatim_store::ObjectStore;

/// A store and the prefix of the job's keys in it: empty, or as in the spec (`2026/11/`, `2026/11`, `call-`).
#[derive(Clone, Debug)]
pub struct StoreLocation {
    /// Store.
    pub store: Arc<dyn ObjectStore>,
    /// Prefix of keys.
    pub prefix: String,
}

impl StoreLocation {
    /// Key of a name below the prefix. Names are below it as in a folder: a slash is added if the prefix
    /// lacks one.
    pub fn key(&self, name: &str) -> String {
        let slash = if self.prefix.is_empty() || self.prefix.ends_with('/') { "" } else { "/" };
        format!("{}{slash}{name}", self.prefix)
    }

    /// Address of the prefix, for messages.
    pub fn address(&self) -> String {
        self.store.address(&self.prefix)
    }
}
