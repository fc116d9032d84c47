//! Messages between supervisor and engine, and the types in them: tasks, options, events, failures, transcripts. No I/O
//! but [`send`] and [`receive`] over a socket that the caller has.

pub mod controls;
pub mod environment;
pub mod event;
pub mod failure;
mod frame;
mod message;
pub mod options;
pub mod task;
pub mod transcriber;
pub mod transcript;

pub use frame::{ProtocolError, receive, send};
pub use message::{
    Arena, FromEngine, MAX_FROM_ENGINE, MAX_TO_ENGINE, Obstacle, Ready, SOCKET, STATS_INTERVAL, Stats,
    ToEngine, VERSION,
};
