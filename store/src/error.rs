//! Errors of a store: a closed list of kinds, and separately whether a retry may help.

use std::time::Duration;

/// Kind of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// The object does not exist.
    NotFound,
    /// The bucket or folder does not exist.
    NoBucket,
    /// The store identified the caller and denies the request.
    AccessDenied,
    /// The credentials are wrong, expired or missing.
    Credentials,
    /// The bucket is in another region.
    WrongRegion,
    /// Too many requests.
    Throttled,
    /// The store reports a temporary failure, answered too late, or did not answer.
    Unavailable,
    /// The condition of a write or read does not hold.
    PreconditionFailed,
    /// A concurrent write of the same object.
    Conflict,
    /// The endpoint is unreachable: no such host, no route, connection refused.
    InvalidEndpoint,
    /// The connection cannot be trusted or encrypted.
    Tls,
    /// The clocks of this machine and of the store differ too much.
    ClockSkew,
    /// The disk is full, or the store is out of space.
    NoSpace,
    /// The store does not support the request.
    Unsupported,
    /// The request is wrong in a way that no retry fixes, or the answer is invalid.
    Invalid,
}

impl ErrorKind {
    /// All kinds.
    pub const ALL: [Self; 15] = [
        Self::NotFound,
        Self::NoBucket,
        Self::AccessDenied,
        Self::Credentials,
        Self::WrongRegion,
        Self::Throttled,
        Self::Unavailable,
        Self::PreconditionFailed,
        Self::Conflict,
        Self::InvalidEndpoint,
        Self::Tls,
        Self::ClockSkew,
        Self::NoSpace,
        Self::Unsupported,
        Self::Invalid,
    ];

    /// Name of the kind in logs and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "NotFound",
            Self::NoBucket => "NoBucket",
            Self::AccessDenied => "AccessDenied",
            Self::Credentials => "Credentials",
            Self::WrongRegion => "WrongRegion",
            Self::Throttled => "Throttled",
            Self::Unavailable => "Unavailable",
            Self::PreconditionFailed => "PreconditionFailed",
            Self::Conflict => "Conflict",
            Self::InvalidEndpoint => "InvalidEndpoint",
            Self::Tls => "Tls",
            Self::ClockSkew => "ClockSkew",
            Self::NoSpace => "NoSpace",
            Self::Unsupported => "Unsupported",
            Self::Invalid => "Invalid",
        }
    }

    /// Whether the same request may succeed a moment later.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable | Self::Conflict | Self::ClockSkew)
    }

    /// Whether the configuration is wrong: every object fails the same way until a person fixes it.
    pub fn is_configuration(self) -> bool {
        matches!(
            self,
            Self::NoBucket
                | Self::AccessDenied
                | Self::Credentials
                | Self::WrongRegion
                | Self::InvalidEndpoint
                | Self::Tls
                | Self::Unsupported
        )
    }
}

/// Error of a store.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    /// Kind.
    pub kind: ErrorKind,
    /// Message for people: the operation, the address and the store's own message. Lower case, no full stop.
    pub message: String,
    /// Delay that the store requests before a retry.
    pub retry_after: Option<Duration>,
    /// Whether a write may have happened nevertheless: the answer was lost, or the store failed midway.
    unclear: bool,
}

impl StoreError {
    /// An error that proves that nothing was written.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None, unclear: false }
    }

    /// The same error, after which a write may have happened.
    #[must_use]
    pub fn unclear(self) -> Self {
        Self { unclear: true, ..self }
    }

    /// The same error, with the delay that the store requests before a retry.
    #[must_use]
    pub fn retry_after(self, wait: Option<Duration>) -> Self {
        Self { retry_after: wait, ..self }
    }

    /// Whether a write may have happened nevertheless.
    pub fn is_unclear(&self) -> bool {
        self.unclear
    }

    /// Whether the object does not exist.
    pub fn is_not_found(&self) -> bool {
        self.kind == ErrorKind::NotFound
    }

    /// Whether the condition of a write or read did not hold.
    pub fn is_precondition_failed(&self) -> bool {
        self.kind == ErrorKind::PreconditionFailed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_distinct_names() {
        let names: std::collections::BTreeSet<_> = ErrorKind::ALL.map(ErrorKind::as_str).into();
        assert_eq!(names.len(), ErrorKind::ALL.len());
    }

    #[test]
    fn configuration_errors_are_not_transient() {
        for kind in ErrorKind::ALL {
            assert!(!(kind.is_transient() && kind.is_configuration()), "{kind:?}");
        }
    }
}
