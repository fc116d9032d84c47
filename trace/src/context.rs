//! Where a span is in its trace: what the W3C's `traceparent` says.
//!
//! The trace of a job, and the span that is its root, follow from the job's uid: an operator that was started again, a
//! second replica and a worker that was started by hand all go on with the same trace, and nobody has to write it down.

use std::fmt;
use std::str::FromStr;

use opentelemetry::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use sha2::{Digest, Sha256};

/// Length of a `traceparent` of version 00.
const LENGTH: usize = 55;

/// A span's place in its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    /// Whether the trace is sampled: spans of one that is not go nowhere.
    pub(crate) sampled: bool,
    /// Whether another process told of it.
    pub(crate) remote: bool,
}

/// What is no `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no traceparent: {why}")]
pub struct ContextError {
    text: String,
    why: &'static str,
}

impl Context {
    /// The root of a job's trace; not sampled yet.
    pub fn of_job(uid: &str) -> Self {
        // What else is derived from uids must not give the same numbers.
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

    /// The same, sampled or not.
    pub fn sampled(self, sampled: bool) -> Self {
        Self { sampled, ..self }
    }

    /// Whether spans of this trace go anywhere.
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// A place of its own in the same trace.
    pub fn another(&self) -> Self {
        Self { span: RandomIdGenerator::default().new_span_id(), remote: false, ..*self }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

impl FromStr for Context {
    type Err = ContextError;

    /// Reads a `traceparent`, also of versions to come, as the W3C asks: what is after the flags is left alone.
    fn from_str(text: &str) -> Result<Self, ContextError> {
        let wrong = |why| ContextError { text: text.chars().take(LENGTH + 9).collect(), why };
        let mut parts = text.trim().splitn(5, '-');
        let mut hex = |digits: usize| {
            let part = parts.next().unwrap_or_default();
            let plain = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            (part.len() == digits && plain).then_some(part)
        };
        let version = hex(2).filter(|version| *version != "ff").ok_or_else(|| wrong("its version"))?;
        let trace = hex(32).ok_or_else(|| wrong("its trace has not 32 digits"))?;
        let span = hex(16).ok_or_else(|| wrong("its span has not 16 digits"))?;
        let flags = hex(2).ok_or_else(|| wrong("its flags"))?;
        if version == "00" && parts.next().is_some() {
            return Err(wrong("it is too long"));
        }
        let trace = TraceId::from_hex(trace).map_err(|_| wrong("its trace"))?;
        let span = SpanId::from_hex(span).map_err(|_| wrong("its span"))?;
        if trace == TraceId::INVALID || span == SpanId::INVALID {
            return Err(wrong("nothing but zeros"));
        }
        let flags = u8::from_str_radix(flags, 16).map_err(|_| wrong("its flags"))?;
        Ok(Self { trace, span, sampled: flags & 1 == 1, remote: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_job_has_one_trace_whoever_asks() {
        let job = Context::of_job("0f0e0d0c-0b0a-0908-0706-050403020100");
        assert_eq!(job, Context::of_job("0f0e0d0c-0b0a-0908-0706-050403020100"));
        let other = Context::of_job("0f0e0d0c-0b0a-0908-0706-050403020101");
        assert!(job.trace != other.trace && job.span != other.span);
        // What is written into jobs that run must be read after an update: these numbers never change.
        let text = job.sampled(true).to_string();
        assert_eq!(text, "00-6f527256cc27a5ae3d8ece4c0d6faab5-b3b070ea5a4fb525-01");
    }

    #[test]
    fn a_traceparent_comes_out_as_it_went_in() {
        let context: Context = PARENT.parse().unwrap();
        assert!(context.is_sampled());
        assert_eq!(context.to_string(), PARENT);
        let another = context.another();
        assert_eq!((another.trace, another.sampled), (context.trace, true));
        assert_ne!(another.span, context.span);
        let unsampled = PARENT.replace("-01", "-00");
        assert!(!unsampled.parse::<Context>().unwrap().is_sampled());
        // The version to come, with a flag and a part that nobody knows yet.
        let later = PARENT.replace("00-0af", "cc-0af").replace("-01", "-03-more");
        assert_eq!(later.parse::<Context>().unwrap(), context);
    }

    #[test]
    fn what_is_no_traceparent_is_refused() {
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
            assert!(wrong.parse::<Context>().is_err(), "{wrong}");
        }
    }
}
