//! The process that talks: it starts engines, feeds them, watches them from outside and replaces them.

pub mod board;
pub mod http;
pub mod measure;
pub mod metrics;
pub mod observe;
pub mod progress;
