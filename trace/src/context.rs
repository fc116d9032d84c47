//! Trace context of a span, as in W3C's `traceparent`.
//!
//! The trace of a job and its root span are derived from the job's UID: a restarted operator, a second
//! replica and a worker started by hand all continue the same trace, without any stored state.

use std::fmt;
use std::str::FromStr;

use opentelemetry::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use sha2::{Digest, Sha256};

/// Length of a `traceparent` of version 00.
const LENGTH: usize = 55;

/// Trace and span ID, with flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    /// Whether the trace is sampled. Spans of other traces are dropped.
    pub(crate) sampled: bool,
    /// Whether the context comes from another process.
    pub(crate) remote: bool,
}

/// Invalid `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a traceparent: {why}")]
pub struct TraceContextError {
    text: String,
    why: &'static str,
}

impl TraceContext {
    /// Root of a job's trace, not sampled yet.
    pub fn of_job(uid: &str) -> Self {
        // The prefix keeps other digests of UIDs from colliding.
        let digest = Sha256::digest(format!("verbatim trace of {uid}"));
        let (mut trace, mut span) = ([0; 16], [0; 8]);
        trace.copy_from_slice(&digest[..16]);
        span.copy_from_slice(&digest[16..24]);
        Self {
            trace: TraceId::from_bytes(trace),
            span: SpanId::from_bytes(span),
            sampled: false,
            remote: false,
        }
    }

    /// The same context, sampled or not.
    pub fn sampled(self, sampled: bool) -> Self {
        Self { sampled, ..self }
    }

    /// Whether spans of this trace are exported.
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// A context with a new span ID in the same trace.
    pub fn with_new_span(&self) -> Self {
        Self { span: RandomIdGenerator::default().new_span_id(), remote: false, ..*self }
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

impl FromStr for TraceContext {
    type Err = TraceContextError;

    /// Parses a `traceparent`. Also accepts future versions, as W3C demands: anything after the flags is
    /// ignored.
    fn from_str(text: &str) -> Result<Self, TraceContextError> {
        let wrong = |why| TraceContextError { text: text.chars().take(LENGTH + 9).collect(), why };
        let mut parts = text.trim().splitn(5, '-');
        let mut hex = |digits: usize| {
            let part = parts.next().unwrap_or_default();
            let plain = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            (part.len() == digits && plain).then_some(part)
        };
        let version = hex(2).filter(|version| *version != "ff").ok_or_else(|| wrong("invalid version"))?;
        let trace = hex(32).ok_or_else(|| wrong("the trace ID does not have 32 digits"))?;
        let span = hex(16).ok_or_else(|| wrong("the span ID does not have 16 digits"))?;
        let flags = hex(2).ok_or_else(|| wrong("invalid flags"))?;
        if version == "00" && parts.next().is_some() {
            return Err(wrong("it is too long"));
        }
        let trace = TraceId::from_hex(trace).map_err(|_| wrong("invalid trace ID"))?;
        let span = SpanId::from_hex(span).map_err(|_| wrong("invalid span ID"))?;
        if trace == TraceId::INVALID || span == SpanId::INVALID {
            return Err(wrong("an ID is all zeros"));
        }
        let flags = u8::from_str_radix(flags, 16).map_err(|_| wrong("invalid flags"))?;
        Ok(Self { trace, span, sampled: flags & 1 == 1, remote: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_job_always_has_the_same_trace() {
        let job = TraceContext::of_job("0f0e0d0c-0b0a-0908-0706-050403020100");
        assert_eq!(job, TraceContext::of_job("0f0e0d0c-0b0a-0908-0706-050403020100"));
        let other = TraceContext::of_job("0f0e0d0c-0b0a-0908-0706-050403020101");
        assert!(job.trace != other.trace && job.span != other.span);
        // Running jobs contain these values across updates, so they must never change.
        let text = job.sampled(true).to_string();
        assert_eq!(text, "00-6f527256cc27a5ae3d8ece4c0d6faab5-b3b070ea5a4fb525-01");
    }

    #[test]
    fn a_traceparent_round_trips() {
        let context: TraceContext = PARENT.parse().unwrap();
        assert!(context.is_sampled());
        assert_eq!(context.to_string(), PARENT);
        let with_new_span = context.with_new_span();
        assert_eq!((with_new_span.trace, with_new_span.sampled), (context.trace, true));
        assert_ne!(with_new_span.span, context.span);
        let unsampled = PARENT.replace("-01", "-00");
        assert!(!unsampled.parse::<TraceContext>().unwrap().is_sampled());
        // A future version, with an unknown flag and part.
        let later = PARENT.replace("00-0af", "cc-0af").replace("-01", "-03-more");
        assert_eq!(later.parse::<TraceContext>().unwrap(), context);
    }

    #[test]
    fn invalid_traceparents_are_refused() {
        for wrong in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-zz",
        ] {
            assert!(wrong.parse::<TraceContext>().is_err(), "{wrong}");
        }
    }
}
