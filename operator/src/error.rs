//! What can go wrong in a reconcile. Every step's failure is tried again, later and later.

use crate::build::BuildError;

/// A reconcile that failed, by step.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server did not answer a question.
    #[error("failed to look at {what}")]
    Observe {
        /// What was looked at.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// The API server refused a write.
    #[error("failed to write {what}")]
    Apply {
        /// What was written.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// Something of ours could not be built. What is wrong with a job was refused as invalid before.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// This replica does not lead (any more): it writes nothing.
    #[error("another replica leads")]
    NotLeader,
    /// An object without name, namespace or uid: none of the API server's.
    #[error("the object has no {0}")]
    Nameless(&'static str),
}

impl Error {
    /// Every step that can fail.
    pub const STEPS: [&str; 4] = ["observe", "build", "apply", "leader"];

    /// The step, as a metric's label: one of [`Error::STEPS`].
    pub fn step(&self) -> &'static str {
        match self {
            Self::Observe { .. } | Self::Nameless(_) => "observe",
            Self::Build(_) => "build",
            Self::Apply { .. } => "apply",
            Self::NotLeader => "leader",
        }
    }

    /// What the API server answered to a write that it did not do; none where no answer came.
    fn answer(&self) -> Option<&kube::core::Status> {
        match self {
            Self::Apply { source, .. } => match &**source {
                kube::Error::Api(answer) => Some(answer),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether the API server has answered a write, with whatever it says: it is there, and did not do it.
    pub fn is_answer(&self) -> bool {
        self.answer().is_some()
    }

    /// Whether the API server refused a write for what is in it, or for who we are: asked again, it says the same until
    /// somebody changes something.
    pub fn is_refusal(&self) -> bool {
        // Not that there is too much to do, or that it took too long.
        self.answer().is_some_and(|answer| {
            (400..500).contains(&answer.code) && ![404, 408, 429].contains(&answer.code)
        })
    }

    /// For `map_err`.
    pub fn observing(what: &'static str) -> impl Fn(kube::Error) -> Self {
        move |source| Self::Observe { what, source: Box::new(source) }
    }

    /// For `map_err`.
    pub fn applying(what: &'static str) -> impl Fn(kube::Error) -> Self {
        move |source| Self::Apply { what, source: Box::new(source) }
    }
}

/// An error and its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // Some errors repeat their source.
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
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
