//! The process that talks: it starts engines, feeds them, watches them from outside and replaces them.

mod call;
mod child;
pub mod decide;
mod engine;
mod faults;
mod hear;
pub mod measure;
pub mod observe;
mod orphans;
pub mod policy;
mod replace;
pub mod start;
pub mod supervised;
mod tail;
mod watch;
