//! Supervisor of engine processes: starts them, sends them files, monitors them from outside and replaces
//! them.
//!
//! - [`start`] gives a [`supervisor::Supervisor`], whose loop names the files of its steps;
//! - [`decide`]: the decisions, pure;
//! - [`measure`], [`stats`]: memory of processes, and statistics over it;
//! - [`engine_event`]: the events that [`metrics`] and [`status`] are computed from; [`http`] serves both.

mod child_reaper;
pub mod decide;
mod dispatch;
mod engine;
pub mod engine_event;
mod engine_process;
mod fault_injection;
mod fleet;
pub mod http;
mod lifecycle;
pub mod measure;
mod memory_watch;
mod messages;
pub mod metrics;
mod monitor;
pub mod policy;
pub mod progress;
mod replacement;
mod restart;
mod schedule;
pub mod start;
mod start_error;
pub mod stats;
pub mod status;
mod stderr_tail;
pub mod supervisor;
mod transcribe_call;
