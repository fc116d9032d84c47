//! The command line, as a user sees it.

mod interrupted;
mod schema;
mod signals;
mod transcribe;
mod usage;
