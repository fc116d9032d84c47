//! Errors of a reconcile. Every failed step is retried with a growing delay.

use verbatim_crds::contract::metrics::values;

/// A failed reconcile, by step.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server did not answer a read.
    #[error("failed to read {what}")]
    Observe {
        /// Object of the read.
        what: &'static str,
        /// Error of the client.
        #[source]
        source: Box<kube::Error>,
    },
    /// The API server did not answer or refused a write.
    #[error("failed to write {what}")]
    Apply {
        /// Object of the write.
        what: &'static str,
        /// Error of the client.
        #[source]
        source: Box<kube::Error>,
    },
    /// This replica does not lead (any more) and writes nothing.
    #[error("another replica leads")]
    NotLeader,
    /// The object lacks a name, namespace or uid, which every object of the API server has.
    #[error("the object has no {0}")]
    Nameless(&'static str),
}

impl Error {
    /// All steps that can fail.
    pub const STEPS: [&str; 3] = [values::STEP_OBSERVE, values::STEP_APPLY, values::STEP_LEADER];

    /// The failed step as a metric label: one of [`Error::STEPS`].
    pub fn step(&self) -> &'static str {
        match self {
            Self::Observe { .. } | Self::Nameless(_) => values::STEP_OBSERVE,
            Self::Apply { .. } => values::STEP_APPLY,
            Self::NotLeader => values::STEP_LEADER,
        }
    }

    /// The API server's answer to a write that it did not execute, if it answered.
    fn answer(&self) -> Option<&kube::core::Status> {
        match self {
            Self::Apply { source, .. } => match &**source {
                kube::Error::Api(answer) => Some(answer),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether the API server answered a write, in whatever way, and did not execute it.
    pub fn is_answer(&self) -> bool {
        self.answer().is_some()
    }

    /// Whether the API server refused a write because of its content or for lack of permission: the same
    /// request fails again until somebody changes something.
    pub fn is_refusal(&self) -> bool {
        // Overload (429) and timeouts (408) are no refusals.
        self.answer().is_some_and(|answer| {
            (400..500).contains(&answer.code) && ![404, 408, 429].contains(&answer.code)
        })
    }

    /// [`Error::Observe`] for `map_err`.
    pub fn observing(what: &'static str) -> impl Fn(kube::Error) -> Self {
        move |source| Self::Observe { what, source: Box::new(source) }
    }

    /// [`Error::Apply`] for `map_err`.
    pub fn applying(what: &'static str) -> impl Fn(kube::Error) -> Self {
        move |source| Self::Apply { what, source: Box::new(source) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_listed() {
        let fault = || kube::Error::LinesCodecMaxLineLengthExceeded;
        let all = [
            Error::observing("pods")(fault()),
            Error::applying("the job")(fault()),
            Error::NotLeader,
            Error::Nameless("uid"),
        ];
        for error in all {
            assert!(Error::STEPS.contains(&error.step()), "{error}");
        }
    }
}
