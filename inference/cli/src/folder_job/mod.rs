//! Jobs over files and folders of this machine: finds the recordings, names their transcripts, transcribes,
//! writes.
//!
//! The rules are those of jobs over stores (`verbatim_ledger`): lists, patterns, names, overwriting, order of
//! writes. This module walks folders, reads and writes files, and runs the engine; it knows nothing of
//! terminals. A [`listener::Listener`] gets all events.

mod commit;
mod freshness;
pub mod inputs;
pub mod listener;
pub mod manifest;
mod piped_input;
pub mod plan;
pub mod run;
pub mod run_input;
mod targets;
mod task_source;
mod walk;

#[cfg(test)]
mod inputs_tests;
#[cfg(test)]
mod manifest_tests;
#[cfg(test)]
mod run_tests;
#[cfg(test)]
pub(crate) mod testing;
