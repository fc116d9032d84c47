//! What supervisor and engine say to each other: JSON with its length before it, over a pair of sockets.
//!
//! The engine parses hostile media, so the supervisor believes nothing that it says: each message has a greatest
//! length, has to be of a known form, and has to fit to what was asked. Everything else is an engine failure.

use std::io::{self, Read, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::engine::job::{Event, FileTask};
use crate::engine::options::EngineOptions;
use crate::output::transcript::Model;

/// Version of these messages; the first message in each direction carries it. Raised when a form changes.
pub const VERSION: u32 = 3;

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

/// Why a message could not be sent or received.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The other side has closed the connection, between two messages.
    #[error("the connection was closed")]
    Closed,
    /// The socket failed, or ended in the middle of a message.
    #[error("the connection failed")]
    Socket(#[from] io::Error),
    /// A message longer than allowed.
    #[error("a message of {bytes} bytes, where {most} are allowed")]
    TooLong {
        /// Length that was announced.
        bytes: u32,
        /// Greatest length.
        most: u32,
    },
    /// A message that is not of a known form.
    #[error("a malformed message")]
    Malformed(#[source] serde_json::Error),
}

/// Sends a message.
///
/// # Errors
/// [`ProtocolError::TooLong`] before anything is sent; [`ProtocolError::Socket`], also when the other side takes nothing
/// for longer than the socket's time-out.
pub fn send<T: Serialize>(mut socket: impl Write, message: &T, most: u32) -> Result<(), ProtocolError> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message).map_err(ProtocolError::Malformed)?;
    let bytes = u32::try_from(frame.len() - 4).unwrap_or(u32::MAX);
    if bytes > most {
        return Err(ProtocolError::TooLong { bytes, most });
    }
    frame[..4].copy_from_slice(&bytes.to_le_bytes());
    socket.write_all(&frame)?;
    Ok(socket.flush()?)
}

/// Waits for a message.
///
/// # Errors
/// [`ProtocolError`]; after any of them the connection is of no more use.
pub fn receive<T: DeserializeOwned>(mut socket: impl Read, most: u32) -> Result<T, ProtocolError> {
    let mut length = [0; 4];
    match socket.read(&mut length)? {
        0 => return Err(ProtocolError::Closed),
        read => socket.read_exact(&mut length[read..])?,
    }
    let bytes = u32::from_le_bytes(length);
    if bytes > most {
        return Err(ProtocolError::TooLong { bytes, most });
    }
    // Grows as bytes come in: a length alone must not make the receiver allocate.
    let mut body = Vec::new();
    let read = socket.take(u64::from(bytes)).read_to_end(&mut body)?;
    if read < bytes as usize {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    serde_json::from_slice(&body).map_err(ProtocolError::Malformed)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use proptest::prelude::*;

    use super::*;
    use crate::engine::job::Wish;

    #[test]
    fn messages_come_out_as_they_went_in() {
        let path = OsString::from_vec(b"/calls/\xff\xfe \"x\".wav".to_vec()).into();
        let wish = Wish { channel: Some(1), language: Some("en".to_owned()) };
        let sent = [ToEngine::File(FileTask { id: 7, path, name: None, wish, fault: None }), ToEngine::Drain];
        let mut wire = Vec::new();
        for message in &sent {
            send(&mut wire, message, MAX_TO_ENGINE).unwrap();
        }
        let mut wire = wire.as_slice();
        for message in sent {
            assert_eq!(receive::<ToEngine>(&mut wire, MAX_TO_ENGINE).unwrap(), message);
        }
        assert!(matches!(receive::<ToEngine>(&mut wire, MAX_TO_ENGINE), Err(ProtocolError::Closed)));
    }

    #[test]
    fn what_is_too_long_is_neither_sent_nor_read() {
        let message = FromEngine::Unready { obstacle: Obstacle::Model, message: "x".repeat(100) };
        let mut wire = Vec::new();
        assert!(matches!(send(&mut wire, &message, 50), Err(ProtocolError::TooLong { most: 50, .. })));
        assert!(wire.is_empty());
        let huge = u32::MAX.to_le_bytes();
        let got = receive::<FromEngine>(huge.as_slice(), MAX_FROM_ENGINE);
        assert!(matches!(got, Err(ProtocolError::TooLong { bytes: u32::MAX, .. })));
        let cut = [100_u32.to_le_bytes().as_slice(), b"\"Drain\""].concat();
        let got = receive::<ToEngine>(cut.as_slice(), MAX_TO_ENGINE);
        assert!(matches!(got, Err(ProtocolError::Socket(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = receive::<FromEngine>(bytes.as_slice(), MAX_FROM_ENGINE);
            let framed = [(bytes.len() as u32).to_le_bytes().as_slice(), &bytes].concat();
            let _ = receive::<FromEngine>(framed.as_slice(), MAX_FROM_ENGINE);
        }
    }
}
