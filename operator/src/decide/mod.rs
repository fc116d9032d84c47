//! Decisions: pure functions of observations and a given `now`. Each says why, in words for events and logs.

pub mod scale;
