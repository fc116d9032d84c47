//! Spans of a job from the operator and its workers, as one trace over OTLP.
//!
//! A span is created when its work is over, from times taken meanwhile: there are no open spans and no global
//! state. Without an endpoint in the environment nothing is exported. `docs/tracing.md` describes the
//! configuration and the spans.

pub mod context;
pub mod settings;
pub mod span;
mod traces;

pub use opentelemetry::Value;

pub use self::context::{TraceContext, TraceContextError};
pub use self::settings::TraceSettings;
pub use self::span::Span;
pub use self::traces::{Service, Traces};
