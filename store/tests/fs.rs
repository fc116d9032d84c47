//! The store in a folder does what every store has to.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod conformance;

use std::sync::Arc;

use verbatim_store::FsStore;

async fn folder() -> conformance::Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = FsStore::new(folder.path()).unwrap();
    conformance::Fixture { store: Arc::new(store), prefix: String::new(), keep: Box::new(folder) }
}

conformance!(folder);
