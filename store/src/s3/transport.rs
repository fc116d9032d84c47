//! What a request that got no answer says: from the errors of the HTTP client to the closed list.

use std::error::Error;
use std::io;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::ConnectorError;
use hyper_util::client::legacy;

use crate::error::ErrorKind;

/// What happened, whether the request may have reached the service all the same, and what a person can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unanswered {
    pub(super) kind: ErrorKind,
    pub(super) may_have_arrived: bool,
    pub(super) advice: &'static str,
}

const fn before(kind: ErrorKind, advice: &'static str) -> Unanswered {
    Unanswered { kind, may_have_arrived: false, advice }
}

/// Sorts the error of a request that was not sent or not answered.
pub(super) fn sort(error: &(dyn Error + 'static)) -> Unanswered {
    if find::<CredentialsError>(error).is_some() {
        return before(
            ErrorKind::Credentials,
            "check storage.credentialsSecretRef, or the worker's identity",
        );
    }
    let lost = Unanswered { kind: ErrorKind::Unavailable, may_have_arrived: true, advice: "" };
    let Some(connector) = find::<ConnectorError>(error) else {
        return lost;
    };
    if connector.is_user() {
        return before(ErrorKind::Invalid, "");
    }
    // The one time-out that the client has is that of connecting.
    if connector.is_timeout() {
        return before(
            ErrorKind::Unavailable,
            "nobody answers there: check storage.endpoint and the network's rules",
        );
    }
    if find::<rustls::Error>(error).is_some() {
        return before(ErrorKind::Tls, "check storage.caBundleRef, and whether storage.endpoint speaks TLS");
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
        ) => before(ErrorKind::Unavailable, ""),
        // No such host, no route, nobody listens. The resolver's errors have no kind of their own.
        _ => before(ErrorKind::InvalidEndpoint, "check storage.endpoint"),
    }
}

/// The chain of an error in one line, without what is said twice.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    for error in walk(error) {
        let text = error.to_string();
        if said.last().is_some_and(|last| last.contains(&text)) {
            // The one above has it already.
        } else if said.last().is_some_and(|last| text.contains(last.as_str())) {
            said.pop();
            said.push(text);
        } else {
            said.push(text);
        }
    }
    said.join(": ")
}

/// The errors of a chain. One inside an [`io::Error`] is not among its sources.
fn walk<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().map(io::Error::get_ref) {
            Some(Some(inner)) => Some(inner as &(dyn Error + 'static)),
            _ => error.source(),
        }
    })
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    walk(error).find_map(|error| error.downcast_ref())
}

fn deepest<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    walk(error).filter_map(|error| error.downcast_ref()).last()
}
