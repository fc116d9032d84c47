//! Framing of messages on a socket pair: a length (4 bytes, little-endian), then JSON.

use std::io::{self, Read, Write};

use serde::{Serialize, de::DeserializeOwned};

/// Failure to send or receive a message.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The peer closed the connection between two messages.
    #[error("the connection was closed")]
    Closed,
    /// The socket failed, or was closed in the middle of a message.
    #[error("the connection failed")]
    Socket(#[from] io::Error),
    /// A message is longer than allowed.
    #[error("a message has {bytes} bytes, more than the limit of {most}")]
    TooLong {
        /// Announced length.
        bytes: u32,
        /// Maximum length.
        most: u32,
    },
    /// A message does not have a known form.
    #[error("a message is malformed")]
    Malformed(#[source] serde_json::Error),
}

/// Sends a message.
///
/// # Errors
/// [`ProtocolError::TooLong`] before anything is sent; [`ProtocolError::Socket`], also when the peer reads
/// nothing for longer than the socket's timeout.
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
/// [`ProtocolError`]. The connection is unusable after any of them.
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
    // The buffer grows as bytes arrive: a length alone must not make the receiver allocate.
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
    use crate::message::{FromEngine, LoadErrorKind, MAX_FROM_ENGINE, MAX_TO_ENGINE, ToEngine};
    use crate::task::{FileOverrides, FileTask};

    #[test]
    fn messages_survive_a_round_trip() {
        let path = OsString::from_vec(b"/calls/\xff\xfe \"x\".wav".to_vec()).into();
        let overrides = FileOverrides { channel: Some(1), language: Some("en".to_owned()) };
        let sent =
            [ToEngine::File(FileTask { id: 7, path, name: None, overrides, fault: None }), ToEngine::Drain];
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
    fn a_message_over_the_limit_is_neither_sent_nor_read() {
        let message = FromEngine::LoadFailed { kind: LoadErrorKind::Model, message: "x".repeat(100) };
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
