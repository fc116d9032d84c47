//! One run on this machine: find the recordings, decide what is to be done, transcribe, write.
//!
//! Knows files and the engine's trait; nothing of terminals. What happens is told to a [`watch::Watcher`].

mod commit;
pub mod done;
mod feed;
pub mod inputs;
pub mod job;
pub mod plan;
pub mod session;
pub mod spool;
pub mod walk;
pub mod watch;

#[cfg(test)]
mod inputs_tests;
#[cfg(test)]
mod job_tests;
#[cfg(test)]
mod session_tests;
#[cfg(test)]
pub(crate) mod testing;
