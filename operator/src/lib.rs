//! The operator: a TranscriptionJob becomes elastic workers, and their figures become its status.
//!
//! Read `controller.rs` first: a reconcile is a list of steps, and each step is a module. What decides (`decide`,
//! `build`, `status`, `events`) is pure: observations and a given `now` in, a value out. What talks is `observe`, `apply`,
//! `leader` and `http`.

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
mod pauses;
pub mod settings;
pub mod status;
pub mod traces;
pub mod watch;
pub mod words;
pub mod worker_template;
pub mod written;
