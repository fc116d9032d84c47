//! `verbatim soak`: recordings over and over, and a report that anyone can check.

pub mod facts;
pub mod inject;
pub mod record;
pub mod recorder;
pub mod report;
mod resources;
pub mod rounds;
