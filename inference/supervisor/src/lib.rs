//! The process that talks: it starts engines, feeds them, watches them from outside and replaces them.

pub mod board;
mod call;
mod child;
pub mod decide;
mod engine;
mod faults;
mod hear;
pub mod http;
pub mod measure;
pub mod metrics;
pub mod observe;
mod orphans;
pub mod policy;
pub mod progress;
mod replace;
pub mod start;
pub mod stats;
pub mod supervised;
mod tail;
mod watch;
