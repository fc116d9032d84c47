//! Messages between supervisor and engine.
//!
//! The engine parses hostile media, so the supervisor does not trust it: each of its messages has a maximum
//! length and a known form, and must match what was asked. Anything else is an engine failure.

use std::os::fd::RawFd;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::options::EngineOptions;
use crate::task::FileTask;
use crate::transcript::Model;

/// Version of the messages. The first message in each direction carries it. Raised when the form of a message
/// changes.
pub const VERSION: u32 = 5;

/// File descriptor of the socket in the engine process: the first one after the standard streams.
pub const SOCKET: RawFd = 3;

/// Maximum length of a message to the engine, in bytes. A path of 4096 bytes takes at most 16 KiB as numbers;
/// options take 1 KiB.
pub const MAX_TO_ENGINE: u32 = 64 << 10;

/// Maximum length of a message from the engine, in bytes. Nobody speaks faster than 10 words a second: the
/// segments of a day take less than 16 MiB as JSON, and four times that with escapes and numbers.
pub const MAX_FROM_ENGINE: u32 = 64 << 20;

/// Message from the supervisor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToEngine {
    /// First message: load a model.
    Start {
        /// [`VERSION`] of the supervisor.
        version: u32,
        /// Model and settings.
        options: EngineOptions,
    },
    /// Transcribe one more file. The engine answers with [`Event::Begun`], any number of [`Event::Progress`],
    /// then exactly one [`Event::Done`] or [`Event::Failed`].
    File(FileTask),
    /// Change the batch budget.
    Budget {
        /// Seconds of segments in the model at once, padding included.
        max_padded_seconds: f64,
    },
    /// No more files will come: finish the current ones, then exit.
    Drain,
}

/// Message from the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromEngine {
    /// First message, before anything is loaded.
    Hello {
        /// [`VERSION`] of the engine.
        version: u32,
        /// Layers of the engine's sandbox, for example `seccomp filter: no network, no programs`.
        sandbox: Vec<String>,
    },
    /// The model is loaded; the engine accepts files.
    Ready(LoadedModel),
    /// The model failed to load, and another attempt would fail too.
    LoadFailed {
        /// Category of the error.
        kind: LoadErrorKind,
        /// Error with all its causes.
        message: String,
    },
    /// Event of a file.
    Event(Event),
    /// Totals since the engine's start, sent every [`STATS_INTERVAL`].
    Stats(Stats),
}

/// Category of an error that keeps a model from loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoadErrorKind {
    /// The model, or the runtime that it needs, is missing or damaged.
    Model,
    /// The model does not write the requested language.
    Language,
    /// The requested device is unavailable.
    Device,
}

/// Interval between two [`FromEngine::Stats`]. Metrics are not scraped more often than this.
pub const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// Model that an engine has loaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadedModel {
    /// Name and digest.
    pub model: Model,
    /// Language of its texts, ISO 639-1.
    pub language: String,
    /// One line for people: device and reason for it, threads, batch budget.
    pub description: String,
    /// Load time in seconds.
    pub load_seconds: f64,
}

/// Totals since the engine's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Time in the model in seconds, over all inference workers.
    pub inference_seconds: f64,
    /// Segments that entered the model.
    pub segments: u64,
    /// Audio of these segments, in seconds.
    pub segment_seconds: f64,
    /// Padding that went through the model with them, in seconds.
    pub padding_seconds: f64,
    /// Time that segments waited for an inference worker, in seconds, over all segments.
    pub waited_seconds: f64,
    /// ONNX Runtime's memory arenas; `None` where the runtime reports no figures.
    pub arena: Option<ArenaStats>,
}

/// Size of ONNX Runtime's CPU memory arenas, over all sessions, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArenaStats {
    /// Memory in use by tensors.
    pub in_use: u64,
    /// Memory reserved from the system.
    pub reserved: u64,
}

impl ArenaStats {
    /// Sum over several arenas; `None` for none.
    pub fn sum(arenas: impl IntoIterator<Item = Self>) -> Option<Self> {
        let add = |a: Self, b: Self| Self {
            in_use: a.in_use.saturating_add(b.in_use),
            reserved: a.reserved.saturating_add(b.reserved),
        };
        arenas.into_iter().reduce(add)
    }
}
