//! What can go wrong with a store: a closed list, and apart from it whether another try may help.

use std::time::Duration;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// There is no such object.
    NotFound,
    /// There is no such bucket or folder.
    NoBucket,
    /// The store knows who asks, and does not allow it.
    AccessDenied,
    /// The credentials are wrong, expired, or not there.
    Credentials,
    /// The bucket is in another region.
    WrongRegion,
    /// Too many requests.
    Throttled,
    /// The store answers that it cannot now, or did not answer in time, or not at all.
    Unavailable,
    /// The condition of a write or read does not hold.
    PreconditionFailed,
    /// Somebody wrote the same object at the same time.
    Conflict,
    /// The address cannot be reached: no such host, no route, nobody listens.
    InvalidEndpoint,
    /// The connection cannot be trusted or encrypted.
    Tls,
    /// The clocks of this machine and of the store are too far apart.
    ClockSkew,
    /// The disk is full, or the store has no room left.
    NoSpace,
    /// The store cannot do what is asked.
    Unsupported,
    /// The request is wrong in a way that no retry will mend, or the answer makes no sense.
    Invalid,
}

impl ErrorKind {
    /// All of them.
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

    /// The kind as logs and metric labels carry it.
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

    /// Whether it is the configuration that is wrong: the same for every object, until a person mends it.
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

/// Something went wrong with a store.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    /// What.
    pub kind: ErrorKind,
    /// What, in words for a person: what was tried, where, and what the store said. Lower case, no full stop.
    pub message: String,
    /// How long the store asks to wait before another try.
    pub retry_after: Option<Duration>,
    /// Whether a write may have happened all the same: the answer was lost, or the store failed half-way.
    unclear: bool,
}

impl StoreError {
    /// An error after which it is clear that nothing was written.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None, unclear: false }
    }

    /// The same, but a write may have happened.
    #[must_use]
    pub fn unclear(self) -> Self {
        Self { unclear: true, ..self }
    }

    /// The same, and the store asks to wait.
    #[must_use]
    pub fn retry_after(self, wait: Option<Duration>) -> Self {
        Self { retry_after: wait, ..self }
    }

    /// Whether a write may have happened all the same.
    pub fn is_unclear(&self) -> bool {
        self.unclear
    }

    /// Whether there is no such object.
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
    fn what_a_person_has_to_mend_is_not_tried_again() {
        for kind in ErrorKind::ALL {
            assert!(!(kind.is_transient() && kind.is_configuration()), "{kind:?}");
        }
    }
}
