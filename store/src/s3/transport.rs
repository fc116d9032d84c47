//! Failures without an answer: from the errors of the HTTP client to the closed list of kinds.

use std::error::Error;
use std::io;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::ConnectorError;
use hyper_util::client::legacy;
use verbatim_text::causes;

use crate::error::ErrorKind;

/// Kind of the failure, whether the request may have reached the service nevertheless, and what a person can
/// do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TransportFailure {
    pub(super) kind: ErrorKind,
    pub(super) may_have_arrived: bool,
    pub(super) advice: &'static str,
}

const fn not_sent(kind: ErrorKind, advice: &'static str) -> TransportFailure {
    TransportFailure { kind, may_have_arrived: false, advice }
}

/// Classifies the error of a request that was not sent or not answered.
pub(super) fn classify(error: &(dyn Error + 'static)) -> TransportFailure {
    if find::<CredentialsError>(error).is_some() {
        return not_sent(
            ErrorKind::Credentials,
            "check storage.credentialsSecretRef, or the worker's identity",
        );
    }
    let lost = TransportFailure { kind: ErrorKind::Unavailable, may_have_arrived: true, advice: "" };
    let Some(connector) = find::<ConnectorError>(error) else {
        return lost;
    };
    if connector.is_user() {
        return not_sent(ErrorKind::Invalid, "");
    }
    // The client has no timeout but that of the connection.
    if connector.is_timeout() {
        return not_sent(
            ErrorKind::Unavailable,
            "no answer: check storage.endpoint and the network policies",
        );
    }
    if find::<rustls::Error>(error).is_some() {
        return not_sent(
            ErrorKind::Tls,
            "check storage.caBundleRef, and whether storage.endpoint speaks TLS",
        );
    }
    if !find::<legacy::Error>(error).is_some_and(legacy::Error::is_connect) {
        return lost;
    }
    // From here on there was no connection, so nothing was sent.
    match deepest::<io::Error>(error).map(io::Error::kind) {
        Some(
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::TimedOut
            | io::ErrorKind::Interrupted,
        ) => not_sent(ErrorKind::Unavailable, ""),
        // No such host, no route, connection refused. The resolver's errors have no kind of their own.
        _ => not_sent(ErrorKind::InvalidEndpoint, "check storage.endpoint"),
    }
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|error| error.downcast_ref())
}

fn deepest<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).filter_map(|error| error.downcast_ref()).last()
}
