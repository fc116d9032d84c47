//! A decision with its reason.

/// An action and the reason for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<T> {
    /// The action.
    pub action: T,
    /// Reason with figures, for events and the log: lower case except names, no full stop.
    pub why: String,
}

impl<T> Decision<T> {
    /// A decision with its reason.
    pub fn new(action: T, why: impl Into<String>) -> Self {
        Self { action, why: why.into() }
    }
}
