//! The process that talks: it starts engines, feeds them, watches them from outside and replaces them.

pub mod decide;
pub mod measure;
pub mod observe;
