//! One piece of work, once it is over. Plain values: nothing is sent before [`Span::end`].

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::{Event, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::context::Context;
use crate::traces::Traces;

/// Longest text of an attribute, in bytes: an object's key is 1,024 bytes at most. Messages of stores can be longer.
const TEXT: usize = 1024;

/// Why a span failed: the attribute's name in OpenTelemetry's conventions.
const ERROR_TYPE: &str = "error.type";

/// One piece of work.
#[derive(Clone, Debug)]
#[must_use = "a span that does not end is not sent"]
pub struct Span {
    name: &'static str,
    context: Context,
    parent: Option<Context>,
    attributes: Vec<KeyValue>,
    events: Vec<Event>,
    status: Status,
}

impl Span {
    /// The root of its trace.
    pub fn root(context: Context, name: &'static str) -> Self {
        Self {
            name,
            context,
            parent: None,
            attributes: Vec::new(),
            events: Vec::new(),
            status: Status::Unset,
        }
    }

    /// A part of `parent`.
    pub fn child(parent: &Context, name: &'static str) -> Self {
        Self { parent: Some(*parent), ..Self::root(parent.another(), name) }
    }

    /// Its place, for its own parts.
    pub fn context(&self) -> Context {
        self.context
    }

    /// With an attribute.
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push(KeyValue::new(name, cut(value.into())));
        self
    }

    /// With an attribute, where there is a value.
    pub fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// With something that happened meanwhile: a name from a closed list, and words.
    pub fn event(mut self, name: &'static str, words: impl Into<Value>, when: SystemTime) -> Self {
        let words = KeyValue::new("verbatim.message", cut(words.into()));
        self.events.push(Event::new(name, when, vec![words], 0));
        self
    }

    /// It failed: in one word of a closed list, and in a sentence.
    pub fn failed(mut self, kind: impl Into<Value>, words: &str) -> Self {
        self.status = Status::error(shortened(words).into_owned());
        self.with(ERROR_TYPE, kind)
    }

    /// It is over: sends it on its way.
    pub fn end(self, traces: &Traces, begun: SystemTime, ended: SystemTime) {
        if !self.context.sampled {
            return;
        }
        let Context { trace, span, .. } = self.context;
        let mut events = SpanEvents::default();
        events.events = self.events;
        traces.send(|scope| SpanData {
            span_context: SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE),
            parent_span_id: self.parent.map_or(SpanId::INVALID, |parent| parent.span),
            parent_span_is_remote: self.parent.is_some_and(|parent| parent.remote),
            span_kind: SpanKind::Internal,
            name: Cow::Borrowed(self.name),
            start_time: begun,
            // A clock that was set back meanwhile makes no negative times.
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

fn cut(value: Value) -> Value {
    match &value {
        Value::String(text) if text.as_str().len() > TEXT => shortened(text.as_str()).into_owned().into(),
        _ => value,
    }
}

fn shortened(text: &str) -> Cow<'_, str> {
    if text.len() <= TEXT {
        return text.into();
    }
    let mut end = TEXT;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_in_its_parents_trace() {
        let root = Span::root(Context::of_job("uid").sampled(true), "job");
        let child = Span::child(&root.context(), "plan").with("verbatim.files", 3);
        assert_eq!(child.context.trace, root.context.trace);
        assert_eq!(child.parent, Some(root.context));
        assert_ne!(child.context.span, root.context.span);
        assert!(child.context.is_sampled());
    }

    #[test]
    fn long_texts_are_cut_between_letters() {
        let long = "ä".repeat(TEXT);
        let span = Span::root(Context::of_job("uid"), "job").with("a", long.clone()).failed("Corrupt", &long);
        let Value::String(text) = &span.attributes[0].value else { panic!("{span:?}") };
        assert_eq!(text.as_str().chars().count(), TEXT / 2 + 1);
        assert!(matches!(&span.status, Status::Error { description } if description.ends_with("ä…")));
        assert_eq!(span.attributes[1], KeyValue::new(ERROR_TYPE, "Corrupt"));
    }
}
