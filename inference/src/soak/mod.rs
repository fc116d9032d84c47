//! `verbatim soak`: recordings over and over, and a report that anyone can check.

pub mod record;
pub mod report;
