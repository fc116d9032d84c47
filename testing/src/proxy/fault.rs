//! Which faults there are, and the seeded draw of one for each request.

use std::time::Duration;

use hyper::Method;
use hyper::header::{HeaderMap, IF_MATCH, IF_NONE_MATCH};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// What happens to a request instead of what should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The connection is reset; nothing is forwarded.
    Drop,
    /// A write is forwarded and happens; then the connection is reset instead of an answer.
    ResetAfterWrite,
    /// A write is forwarded and happens; then the answer is 500.
    ErrorAfterWrite,
    /// 503 `SlowDown` with `Retry-After`; nothing is forwarded.
    Busy,
    /// 409 `ConditionalRequestConflict` for a write with a condition; nothing is forwarded.
    Conflict,
    /// Half of what a GET should bring; then the connection is closed.
    CutBody,
    /// Forwarded after a time, even if the client is no longer there by then.
    Slow,
    /// Forwarded at once, answered after a time.
    Late,
}

impl Fault {
    /// All of them.
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

    /// Whether the fault can happen to such a request.
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

/// Whether a request has a condition.
pub(super) fn is_conditional(headers: &HeaderMap) -> bool {
    headers.contains_key(IF_MATCH) || headers.contains_key(IF_NONE_MATCH)
}

/// How often which fault happens, and how long the slow ones take.
#[derive(Clone, Debug)]
pub struct Faults {
    /// Each fault's probability among the requests that it fits; in sum 1 at most.
    pub probabilities: Vec<(Fault, f64)>,
    /// How long [`Fault::Slow`] waits before it forwards.
    pub slow: Duration,
    /// How long [`Fault::Late`] waits before it answers: longer than the client's patience.
    pub late: Duration,
    /// What [`Fault::Busy`] says in `Retry-After`, in seconds.
    pub retry_after: u32,
}

impl Faults {
    /// None.
    pub fn none() -> Self {
        Self {
            probabilities: Vec::new(),
            slow: Duration::from_millis(100),
            late: Duration::from_secs(2),
            retry_after: 0,
        }
    }

    /// Always this one, where it fits.
    pub fn always(fault: Fault) -> Self {
        Self { probabilities: vec![(fault, 1.0)], ..Self::none() }
    }

    /// All of them, with this probability in sum for a request that all fit.
    pub fn all(probability: f64) -> Self {
        let each = probability / Fault::ALL.len() as f64;
        Self { probabilities: Fault::ALL.map(|fault| (fault, each)).to_vec(), ..Self::none() }
    }
}

/// Draws faults. The same seed and the same order of requests give the same.
#[derive(Debug)]
pub(super) struct Draw {
    random: StdRng,
    pub(super) faults: Faults,
}

impl Draw {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        Self { random: StdRng::seed_from_u64(seed), faults }
    }

    /// The fault of the next request.
    pub(super) fn next(&mut self, method: &Method, headers: &HeaderMap) -> Option<Fault> {
        // One number a request, whatever it is: what one request gets does not depend on the kinds of others.
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
