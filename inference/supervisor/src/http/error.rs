//! Errors of the HTTP server.

use std::io;

/// Reason for which the HTTP server does not start.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The text is not an address.
    #[error(
        "`{address}` is not an address to listen on: write 9090 for this machine only, 0.0.0.0:9090 for all \
         interfaces, or another HOST:PORT"
    )]
    Address {
        /// The text.
        address: String,
        /// Parse or lookup error.
        source: io::Error,
    },
    /// The operating system refuses the address.
    #[error("failed to listen on {address}: {advice}")]
    Bind {
        /// The text.
        address: String,
        /// Advice.
        advice: &'static str,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The server's thread does not start.
    #[error("failed to start the HTTP server")]
    Start(#[source] io::Error),
}
