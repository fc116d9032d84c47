//! Messages between supervisor and engine, and the types in them: tasks, options, events, failures,
//! transcripts. The only I/O is [`send`] and [`receive`] on the caller's socket.

pub mod engine_handle;
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
    ArenaStats, FromEngine, LoadErrorKind, LoadedModel, MAX_FROM_ENGINE, MAX_TO_ENGINE, SOCKET,
    STATS_INTERVAL, Stats, ToEngine, VERSION,
};
