//! A span as exported by a collector, read from OTLP's JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

/// Exported span.
#[derive(Clone, Debug)]
pub struct Span {
    /// Trace id.
    pub trace: String,
    /// Span id.
    pub id: String,
    /// Id of the parent span.
    pub parent: Option<String>,
    /// Name of the span.
    pub name: String,
    /// Start, in nanoseconds since 1970.
    pub begun: u64,
    /// End, in nanoseconds since 1970.
    pub ended: u64,
    /// Attributes, each value as text.
    pub attributes: BTreeMap<String, String>,
    /// Names of the events.
    pub events: Vec<String>,
    /// Error message, if the span failed.
    pub error: Option<String>,
    /// Attributes of the resource that emitted the span.
    pub resource: BTreeMap<String, String>,
}

impl Span {
    /// Name of the service that emitted the span.
    pub fn service(&self) -> &str {
        self.resource.get("service.name").map_or("", String::as_str)
    }

    /// Value of an attribute; empty if it is missing.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// Reasons why the spans are not one complete trace: more than one trace, a number of roots other than one,
/// missing parents, duplicate ids. Empty if they are one.
pub fn broken(spans: &[Span]) -> Vec<String> {
    let mut wrong = Vec::new();
    let traces: BTreeSet<&str> = spans.iter().map(|span| span.trace.as_str()).collect();
    if traces.len() != 1 {
        wrong.push(format!("{} traces", traces.len()));
    }
    let ids: BTreeSet<&str> = spans.iter().map(|span| span.id.as_str()).collect();
    if ids.len() != spans.len() {
        wrong.push(format!("{} spans have {} ids", spans.len(), ids.len()));
    }
    let roots: Vec<&str> =
        spans.iter().filter(|span| span.parent.is_none()).map(|span| span.name.as_str()).collect();
    if roots.len() != 1 {
        wrong.push(format!("roots: {roots:?}"));
    }
    for span in spans {
        if span.parent.as_deref().is_some_and(|parent| !ids.contains(parent)) {
            wrong.push(format!("a parent of {} is missing", span.name));
        }
    }
    wrong
}

/// Parses the spans of a line.
pub(super) fn read(line: &str) -> Result<Vec<Span>, serde_json::Error> {
    let batch: Batch = serde_json::from_str(line)?;
    let mut spans = Vec::new();
    for of_resource in batch.resource_spans {
        let resource = texts(of_resource.resource.attributes);
        for written in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(Span {
                trace: written.trace_id,
                id: written.span_id,
                parent: Some(written.parent_span_id).filter(|parent| !parent.is_empty()),
                name: written.name,
                begun: written.start_time_unix_nano.parse().unwrap_or_default(),
                ended: written.end_time_unix_nano.parse().unwrap_or_default(),
                attributes: texts(written.attributes),
                events: written.events.into_iter().map(|event| event.name).collect(),
                error: (written.status.code == ERROR).then_some(written.status.message),
                resource: resource.clone(),
            });
        }
    }
    Ok(spans)
}

/// Status code of a failed span.
const ERROR: u8 = 2;

fn texts(attributes: Vec<Attribute>) -> BTreeMap<String, String> {
    let text = |value: &BTreeMap<String, Value>| match value.values().next() {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    attributes.into_iter().map(|attribute| (attribute.key, text(&attribute.value))).collect()
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Batch {
    resource_spans: Vec<OfResource>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OfResource {
    resource: Resource,
    scope_spans: Vec<OfScope>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource {
    attributes: Vec<Attribute>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OfScope {
    spans: Vec<Written>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Written {
    trace_id: String,
    span_id: String,
    parent_span_id: String,
    name: String,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Attribute>,
    events: Vec<Happened>,
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attribute {
    key: String,
    value: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Happened {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u8,
    message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(trace: &str, id: &str, parent: &str) -> Value {
        serde_json::json!({
            "traceId": trace, "spanId": id, "parentSpanId": parent, "name": format!("span {id}"),
            "startTimeUnixNano": "5", "endTimeUnixNano": "7", "status": {},
            "attributes": [{"key": "files", "value": {"intValue": "3"}}, {"key": "ours", "value": {"boolValue": true}}],
        })
    }

    fn spans(all: &[Value]) -> Vec<Span> {
        let resource =
            serde_json::json!({"attributes": [{"key": "service.name", "value": {"stringValue": "test"}}]});
        let line =
            serde_json::json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": all}]}]});
        read(&line.to_string()).unwrap()
    }

    #[test]
    fn a_trace_with_one_root_and_all_parents_is_whole() {
        let whole = spans(&[span("a", "1", ""), span("a", "2", "1"), span("a", "3", "2")]);
        assert_eq!(broken(&whole), Vec::<String>::new());
        assert_eq!(
            (whole[0].service(), whole[0].attribute("files"), whole[0].attribute("ours")),
            ("test", "3", "true")
        );
        assert_eq!((whole[1].begun, whole[1].ended, whole[1].parent.as_deref()), (5, 7, Some("1")));
    }

    #[test]
    fn what_is_missing_or_twice_is_found() {
        for (all, says) in [
            (vec![span("a", "1", ""), span("b", "2", "1")], "2 traces"),
            (vec![span("a", "1", ""), span("a", "2", "")], "roots"),
            (vec![span("a", "1", ""), span("a", "2", "9")], "a parent of span 2 is missing"),
            (vec![span("a", "1", ""), span("a", "2", "1"), span("a", "2", "1")], "3 spans have 2 ids"),
        ] {
            let wrong = broken(&spans(&all)).join("; ");
            assert!(wrong.contains(says), "{wrong}");
        }
    }
}
