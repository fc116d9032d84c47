//! `verbatim soak`: transcribes recordings over and over, records what happens, and reports from the record
//! whether memory stays flat.

mod analysis;
pub mod inject;
pub mod record;
pub mod recorder;
pub mod report;
mod resource_line;
pub mod rounds;
pub mod run_metadata;
mod units;
