//! Jobs over a ledger: workers as processes over a real S3 server.

mod bucket;
mod chaos;
mod lists;
mod messages;
#[path = "../support/processes.rs"]
mod processes;
mod traces;
mod workers;
