//! Conformance of the store in memory.

use std::sync::Arc;

use verbatim_store::memory::MemoryStore;

async fn memory() -> crate::conformance::Fixture {
    crate::conformance::Fixture {
        store: Arc::new(MemoryStore::new()),
        prefix: "case/".into(),
        keep: Box::new(()),
    }
}

crate::conformance!(memory);
