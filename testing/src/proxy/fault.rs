//! Kinds of faults, and the seeded draw of one for each request.

use std::time::Duration;

use hyper::Method;
use hyper::header::{HeaderMap, IF_MATCH, IF_NONE_MATCH};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Fault injected into a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Resets the connection; forwards nothing.
    Drop,
    /// Forwards a write, which takes effect, and then resets the connection instead of responding.
    ResetAfterWrite,
    /// Forwards a write, which takes effect, and then responds with 500.
    ErrorAfterWrite,
    /// Responds with 503 `SlowDown` and `Retry-After`; forwards nothing.
    Busy,
    /// Responds with 409 `ConditionalRequestConflict` to a conditional write; forwards nothing.
    Conflict,
    /// Sends half of the body of a GET, and then closes the connection.
    CutBody,
    /// Forwards after a delay, even if the client has gone by then.
    Slow,
    /// Forwards at once, and responds after a delay.
    Late,
}

impl Fault {
    /// All kinds of faults.
    pub const ALL: [Self; 8] = [
        Self::Drop,
        Self::ResetAfterWrite,
        Self::ErrorAfterWrite,
        Self::Busy,
        Self::Conflict,
        Self::CutBody,
        Self::Slow,
        Self::Late,
    ];

    /// Whether the fault applies to such a request.
    fn fits(self, method: &Method, headers: &HeaderMap) -> bool {
        let reads = method == Method::GET || method == Method::HEAD;
        match self {
            Self::Drop | Self::Busy | Self::Slow | Self::Late => true,
            Self::ResetAfterWrite | Self::ErrorAfterWrite => !reads,
            Self::Conflict => method == Method::PUT && is_conditional(headers),
            Self::CutBody => method == Method::GET,
        }
    }
}

/// Whether a request is conditional.
pub(super) fn is_conditional(headers: &HeaderMap) -> bool {
    headers.contains_key(IF_MATCH) || headers.contains_key(IF_NONE_MATCH)
}

/// Probabilities of the faults, and delays of the slow ones.
#[derive(Clone, Debug)]
pub struct Faults {
    /// Probability of each fault among the requests to which it applies; their sum is at most 1.
    pub probabilities: Vec<(Fault, f64)>,
    /// Delay of [`Fault::Slow`] before it forwards.
    pub slow: Duration,
    /// Delay of [`Fault::Late`] before it responds: longer than the client's timeout.
    pub late: Duration,
    /// Value of `Retry-After` in [`Fault::Busy`], in seconds.
    pub retry_after: u32,
}

impl Faults {
    /// No faults.
    pub fn none() -> Self {
        Self {
            probabilities: Vec::new(),
            slow: Duration::from_millis(100),
            late: Duration::from_secs(2),
            retry_after: 0,
        }
    }

    /// Always this fault, where it applies.
    pub fn always(fault: Fault) -> Self {
        Self { probabilities: vec![(fault, 1.0)], ..Self::none() }
    }

    /// All faults, with this total probability for a request to which all apply.
    pub fn all(probability: f64) -> Self {
        let each = probability / Fault::ALL.len() as f64;
        Self { probabilities: Fault::ALL.map(|fault| (fault, each)).to_vec(), ..Self::none() }
    }
}

/// Draw of faults. The same seed and the same order of requests give the same faults.
#[derive(Debug)]
pub(super) struct Draw {
    random: StdRng,
    pub(super) faults: Faults,
}

impl Draw {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        Self { random: StdRng::seed_from_u64(seed), faults }
    }

    /// Fault for the next request.
    pub(super) fn next(&mut self, method: &Method, headers: &HeaderMap) -> Option<Fault> {
        // One random number for each request of any kind, so that its fault does not depend on the kinds of
        // others.
        let mut left: f64 = self.random.random();
        for (fault, probability) in &self.faults.probabilities {
            if left < *probability {
                return Some(*fault).filter(|fault| fault.fits(method, headers));
            }
            left -= probability;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_faults_as_often_as_asked() {
        let conditional = [(IF_NONE_MATCH, HeaderValue::from_static("*"))].into_iter().collect();
        let draw = |seed| {
            let mut draw = Draw::new(seed, Faults::all(0.4));
            (0..8000).map(|_| draw.next(&Method::PUT, &conditional)).collect::<Vec<_>>()
        };
        let drawn = draw(1);
        assert_eq!(drawn, draw(1));
        assert_ne!(drawn, draw(2));
        for fault in Fault::ALL {
            let count = drawn.iter().filter(|drawn| **drawn == Some(fault)).count();
            let expected = if fault == Fault::CutBody { 0..=0 } else { 300..=500 };
            assert!(expected.contains(&count), "{fault:?}: {count}");
        }
    }

    #[test]
    fn faults_happen_to_requests_that_they_fit() {
        let plain = HeaderMap::new();
        let always = |fault, method| Draw::new(0, Faults::always(fault)).next(&method, &plain).is_some();
        assert!(always(Fault::CutBody, Method::GET) && !always(Fault::CutBody, Method::PUT));
        assert!(
            always(Fault::ErrorAfterWrite, Method::DELETE) && !always(Fault::ErrorAfterWrite, Method::GET)
        );
        assert!(!always(Fault::Conflict, Method::PUT) && !always(Fault::ResetAfterWrite, Method::HEAD));
    }
}
