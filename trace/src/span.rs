//! A span, created once its work is over. A plain value: nothing is sent before [`Span::end`].

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::{Event, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::context::TraceContext;
use crate::traces::Traces;

/// Longest text of an attribute in bytes. Keys of objects have 1,024 bytes at most; error messages of stores
/// may be longer.
const MAX_TEXT: usize = 1024;

/// OpenTelemetry's attribute for the reason of a failure.
const ERROR_TYPE: &str = "error.type";

/// A unit of work.
#[derive(Clone, Debug)]
#[must_use = "a span that does not end is not sent"]
pub struct Span {
    name: &'static str,
    context: TraceContext,
    parent: Option<TraceContext>,
    attributes: Vec<KeyValue>,
    events: Vec<Event>,
    status: Status,
}

impl Span {
    /// A root span.
    pub fn root(context: TraceContext, name: &'static str) -> Self {
        Self {
            name,
            context,
            parent: None,
            attributes: Vec::new(),
            events: Vec::new(),
            status: Status::Unset,
        }
    }

    /// A child span of `parent`.
    pub fn child(parent: &TraceContext, name: &'static str) -> Self {
        Self { parent: Some(*parent), ..Self::root(parent.with_new_span(), name) }
    }

    /// TraceContext for child spans.
    pub fn context(&self) -> TraceContext {
        self.context
    }

    /// Adds an attribute.
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push(KeyValue::new(name, limit_length(value.into())));
        self
    }

    /// Adds an attribute if it has a value.
    pub fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds an event: a name from a closed list, and a message.
    pub fn event(mut self, name: &'static str, message: impl Into<Value>, when: SystemTime) -> Self {
        let message = KeyValue::new("verbatim.message", limit_length(message.into()));
        self.events.push(Event::new(name, when, vec![message], 0));
        self
    }

    /// Marks the span as failed, with an error type from a closed list and a message.
    pub fn failed(mut self, kind: impl Into<Value>, message: &str) -> Self {
        self.status = Status::error(shorten(message).into_owned());
        self.with(ERROR_TYPE, kind)
    }

    /// Ends the span and queues it for export.
    pub fn end(self, traces: &Traces, begun: SystemTime, ended: SystemTime) {
        if !self.context.sampled {
            return;
        }
        let TraceContext { trace, span, .. } = self.context;
        let mut events = SpanEvents::default();
        events.events = self.events;
        traces.send(|scope| SpanData {
            span_context: SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE),
            parent_span_id: self.parent.map_or(SpanId::INVALID, |parent| parent.span),
            parent_span_is_remote: self.parent.is_some_and(|parent| parent.remote),
            span_kind: SpanKind::Internal,
            name: Cow::Borrowed(self.name),
            start_time: begun,
            // The clock may have been set back meanwhile: no negative durations.
            end_time: ended.max(begun),
            attributes: self.attributes,
            dropped_attributes_count: 0,
            events,
            links: SpanLinks::default(),
            status: self.status,
            instrumentation_scope: scope.clone(),
        });
    }
}

fn limit_length(value: Value) -> Value {
    match &value {
        Value::String(text) if text.as_str().len() > MAX_TEXT => shorten(text.as_str()).into_owned().into(),
        _ => value,
    }
}

fn shorten(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_TEXT {
        return text.into();
    }
    let mut end = MAX_TEXT;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_belongs_to_its_parents_trace() {
        let root = Span::root(TraceContext::of_job("uid").sampled(true), "job");
        let child = Span::child(&root.context(), "plan").with("verbatim.files", 3);
        assert_eq!(child.context.trace, root.context.trace);
        assert_eq!(child.parent, Some(root.context));
        assert_ne!(child.context.span, root.context.span);
        assert!(child.context.is_sampled());
    }

    #[test]
    fn long_texts_are_cut_at_character_boundaries() {
        let long = "ä".repeat(MAX_TEXT);
        let span =
            Span::root(TraceContext::of_job("uid"), "job").with("a", long.clone()).failed("Corrupt", &long);
        let Value::String(text) = &span.attributes[0].value else { panic!("{span:?}") };
        assert_eq!(text.as_str().chars().count(), MAX_TEXT / 2 + 1);
        assert!(matches!(&span.status, Status::Error { description } if description.ends_with("ä…")));
        assert_eq!(span.attributes[1], KeyValue::new(ERROR_TYPE, "Corrupt"));
    }
}
