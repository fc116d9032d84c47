//! Messages between supervisor and engine.
//!
//! The engine parses hostile media, so the supervisor trusts nothing that it sends: each message has a maximum
//! length, a known form, and has to match what was asked. Anything else is an engine failure.

use std::os::fd::RawFd;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::options::EngineOptions;
use crate::task::FileTask;
use crate::transcript::Model;

/// Version of these messages; the first message in each direction carries it. Raised when a form changes.
pub const VERSION: u32 = 4;

/// File descriptor of the socket in the engine process: the first one after the standard streams.
pub const SOCKET: RawFd = 3;

/// Longest message to the engine, in bytes. A path of 4096 bytes takes at most 16 KiB as numbers; options take 1 KiB.
pub const MAX_TO_ENGINE: u32 = 64 << 10;

/// Longest message from the engine, in bytes. Nobody speaks faster than 10 words a second: a day of segments takes
/// less than 16 MiB as JSON, with escapes and numbers four times that.
pub const MAX_FROM_ENGINE: u32 = 64 << 20;

/// What the supervisor says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToEngine {
    /// The first message: load a model.
    Start {
        /// [`VERSION`] of the sender.
        version: u32,
        /// What to load.
        options: EngineOptions,
    },
    /// Transcribe this file as well. It is answered by [`Event::Begun`], any number of [`Event::Progress`], then exactly one
    /// [`Event::Done`] or [`Event::Failed`].
    File(FileTask),
    /// From now on hold at most so many seconds of segments in the model.
    Budget {
        /// Seconds, with padding.
        max_padded_seconds: f64,
    },
    /// There are no more files: finish those that you have, and exit.
    Drain,
}

/// What the engine says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromEngine {
    /// The first message, before anything is loaded.
    Hello {
        /// [`VERSION`] of the sender.
        version: u32,
        /// What it has taken away from itself, in words, as `seccomp filter: no network, no programs`.
        sandbox: Vec<String>,
    },
    /// The model is loaded: files are welcome.
    Ready(Ready),
    /// The model cannot be loaded, and would not be another time.
    Unready {
        /// Why, in one word.
        obstacle: Obstacle,
        /// Why, in words, with all causes.
        message: String,
    },
    /// Something happened to a file.
    Event(Event),
    /// How it is going, every [`STATS_INTERVAL`].
    Stats(Stats),
}

/// Why a model cannot be loaded, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Obstacle {
    /// The model, or the runtime that it needs, is not there or is not what it should be.
    Model,
    /// The model does not write the language that was asked for.
    Language,
    /// There is no such device.
    Device,
}

/// How often an engine says how it is going: as often as metrics can be looked at with any sense.
pub const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// A loaded model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// The model's name and the digest of what was loaded.
    pub model: Model,
    /// Language of its texts, ISO 639-1.
    pub language: String,
    /// One line for people: the device that was taken and why, threads, budget.
    pub description: String,
    /// Seconds that loading took.
    pub load_seconds: f64,
}

/// Sums since the engine's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Seconds that lanes spent in the model, all lanes added up.
    pub inference_seconds: f64,
    /// Segments that went through the model.
    pub segments: u64,
    /// Their audio, in seconds.
    pub segment_seconds: f64,
    /// Padding that went through the model with them, in seconds.
    pub padding_seconds: f64,
    /// Time that segments waited for a lane, in seconds, all segments added up.
    pub waited_seconds: f64,
    /// ONNX Runtime's memory pool, where the runtime tells.
    pub arena: Option<Arena>,
}

/// ONNX Runtime's pools of CPU memory, all sessions added up, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arena {
    /// In use by tensors.
    pub in_use: u64,
    /// Taken from the system.
    pub reserved: u64,
}
