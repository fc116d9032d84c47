//! Conformance of the store in a folder.

use std::sync::Arc;

use verbatim_store::FsStore;

async fn folder() -> crate::conformance::Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = FsStore::new(folder.path()).unwrap();
    crate::conformance::Fixture { store: Arc::new(store), prefix: String::new(), keep: Box::new(folder) }
}

crate::conformance!(folder);
