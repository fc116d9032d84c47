//! The operator: turns a TranscriptionJob into elastic workers, and the workers' progress into the job's
//! status.
//!
//! Start with `controller.rs`: a reconcile is a list of steps, and each step is a module. `validate`,
//! `decide`, `build`, `status` and most of `events` are pure: observations and a given `now` in, a value out.
//! `observe`, `apply`, `leader` and `http` do I/O.

pub mod apply;
pub mod build;
pub mod context;
pub mod controller;
pub mod decide;
pub mod error;
pub mod events;
pub mod http;
pub mod identity;
pub mod leader;
pub mod logs;
pub mod metrics;
pub mod observe;
mod requeue;
pub mod run;
pub mod settings;
pub mod status;
pub mod traces;
pub mod validate;
pub mod watch;
pub mod worker_template;
pub mod write_cache;
