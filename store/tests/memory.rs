//! The store in memory does what every store has to.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod conformance;

use std::sync::Arc;

use verbatim_store::memory::MemoryStore;

async fn memory() -> conformance::Fixture {
    conformance::Fixture { store: Arc::new(MemoryStore::new()), prefix: "case/".into(), keep: Box::new(()) }
}

conformance!(memory);
