//! Spans of a job, from the operator and its workers, as one trace over OTLP.
//!
//! A span is made when its work is over, with the times that were taken meanwhile: nothing is kept open, and nothing is
//! global. Without an endpoint in the environment all of this does nothing. How to switch it on, and what spans there
//! are: `docs/tracing.md`.

pub mod context;
pub mod settings;
pub mod span;
mod traces;

pub use opentelemetry::Value;

pub use self::context::{Context, ContextError};
pub use self::settings::Settings;
pub use self::span::Span;
pub use self::traces::{Service, Traces};
