//! Checks a document against the schema of the CRD, which is interpreted as JSON, so that a new field needs
//! no code here.
//!
//! Supports the part of JSON schema that the CRD uses; a test fails when the CRD uses more.

use std::sync::LazyLock;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use regex_lite::Regex;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use verbatim_text::count;

use crate::{
    crd,
    manifest::{
        error::{Problem, ProblemKind},
        suggest::Suggestion,
        tree::{Field, Node, Tree},
    },
    text_rule,
};

/// Schema of the whole document: the CRD's, with the fields that Kubernetes adds to every object.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut settings = SchemaSettings::openapi3();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut metadata = settings.into_generator().into_root_schema_for::<ObjectMeta>().to_value();
    metadata["required"] = json!(["name"]);
    let mut schema = spec_and_status();
    schema["properties"]["apiVersion"] = json!({"type": "string"});
    schema["properties"]["kind"] = json!({"type": "string"});
    schema["properties"]["metadata"] = metadata;
    schema["required"] = json!(["apiVersion", "kind", "metadata", "spec"]);
    schema
});

/// Schema in the CRD.
fn spec_and_status() -> Value {
    crd::json()["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// All problems of the document by its schema, in the order of the text.
pub fn check(document: &Node) -> Vec<Problem> {
    let mut check = Check { path: String::new(), problems: Vec::new() };
    check.value(document, &SCHEMA);
    check.problems.sort_by_key(|problem| (problem.line, problem.column));
    check.problems
}

struct Check {
    path: String,
    problems: Vec<Problem>,
}

impl Check {
    fn report(&mut self, line: u64, column: u64, kind: ProblemKind) {
        self.problems.push(Problem { path: self.path.clone(), line, column, kind });
    }

    fn at(&mut self, node: &Node, kind: ProblemKind) {
        self.report(node.line, node.column, kind);
    }

    /// Runs `step` with the path extended.
    fn inside(&mut self, part: &str, step: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if !self.path.is_empty() && !part.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(part);
        step(self);
        self.path.truncate(length);
    }

    fn value(&mut self, node: &Node, schema: &Value) {
        let expected = schema["type"].as_str().unwrap_or_default();
        let either = schema["x-kubernetes-int-or-string"] == json!(true);
        match (&node.value, expected) {
            (Tree::Map(fields), "object") => self.object(node, fields, schema),
            (Tree::List(entries), "array") => self.list(node, entries, schema),
            (Tree::Text(text), _) if expected == "string" || either => self.text(node, text, schema),
            (Tree::Number(number), _)
                if expected == "number" || number_is_whole(number) && (expected == "integer" || either) =>
            {
                self.number(node, number, schema);
            }
            (Tree::Bool(_), "boolean") => {}
            _ if expected.is_empty() && !either => {}
            _ => {
                let expected = if either { "text or a whole number" } else { with_article(expected) };
                self.at(node, ProblemKind::WrongType { expected, found: describe(&node.value, expected) });
            }
        }
    }

    fn object(&mut self, node: &Node, fields: &[Field], schema: &Value) {
        let open = schema["x-kubernetes-preserve-unknown-fields"] == json!(true);
        for field in fields {
            let known = schema["properties"].get(&field.name).or_else(|| schema.get("additionalProperties"));
            self.inside(&field.name, |check| match known {
                // Null equals an absent field.
                Some(_) if field.node.value == Tree::Null => {}
                Some(schema) => check.value(&field.node, schema),
                None if open => {}
                None => check.unknown(field, schema),
            });
        }
        if let Some(required) = schema["required"].as_array() {
            for name in required.iter().filter_map(Value::as_str).filter(|name| node.get(name).is_none()) {
                self.inside(name, |check| check.at(node, ProblemKind::Missing));
            }
        }
    }

    fn unknown(&mut self, field: &Field, schema: &Value) {
        let known: Vec<String> =
            schema["properties"].as_object().map(|known| known.keys().cloned().collect()).unwrap_or_default();
        let mut suggestion = Suggestion::of(&field.name, &known);
        if let Suggestion::Known(_) = suggestion
            && let Some(path) = parent_of(&field.name, &SCHEMA["properties"]["spec"], "spec")
        {
            suggestion = Suggestion::Elsewhere(path);
        }
        self.report(field.line, field.column, ProblemKind::UnknownField(suggestion));
    }

    fn list(&mut self, node: &Node, entries: &[Node], schema: &Value) {
        self.size(node, entries.len(), ["entry", "entries"], &schema["minItems"], &schema["maxItems"]);
        let set = schema["x-kubernetes-list-type"] == json!("set");
        for (index, entry) in entries.iter().enumerate() {
            self.inside(&format!("[{index}]"), |check| {
                check.value(entry, &schema["items"]);
                if set && entries[..index].iter().any(|earlier| earlier.value == entry.value) {
                    check.at(entry, ProblemKind::Repeated);
                }
            });
        }
    }

    fn text(&mut self, node: &Node, text: &str, schema: &Value) {
        if let Some(values) = schema["enum"].as_array() {
            let known: Vec<String> = values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            if !known.iter().any(|value| value == text) {
                let suggestion = Suggestion::of(text, &known);
                self.at(node, ProblemKind::UnknownValue { value: text.to_owned(), suggestion });
            }
        }
        self.size(
            node,
            text.chars().count(),
            ["character", "characters"],
            &schema["minLength"],
            &schema["maxLength"],
        );
        if let Some(pattern) = schema["pattern"].as_str()
            && Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text))
        {
            self.at(node, ProblemKind::BadText { value: text.to_owned(), hint: text_rule::hint(pattern) });
        }
    }

    fn number(&mut self, node: &Node, number: &serde_json::Number, schema: &Value) {
        // Numbers near the bounds of these schemas are exact as floats.
        let Some(value) = number.as_f64() else { return };
        let (least, most) = bounds(schema);
        if let Some(least) = least.filter(|least| value < least.as_f64().unwrap_or(f64::MIN)) {
            self.at(node, ProblemKind::TooSmall { found: number.to_string(), least: least.to_string() });
        }
        if let Some(most) = most.filter(|most| value > most.as_f64().unwrap_or(f64::MAX)) {
            self.at(node, ProblemKind::TooLarge { found: number.to_string(), most: most.to_string() });
        }
    }

    fn size(&mut self, node: &Node, size: usize, unit: [&str; 2], least: &Value, most: &Value) {
        let with_unit = |number: u64| count(number, unit[0], unit[1]);
        if let Some(least) = least.as_u64().filter(|least| (size as u64) < *least) {
            let found = if size == 0 { "nothing".to_owned() } else { with_unit(size as u64) };
            self.at(node, ProblemKind::TooSmall { found, least: with_unit(least) });
        }
        if let Some(most) = most.as_u64().filter(|most| size as u64 > *most) {
            self.at(node, ProblemKind::TooLarge { found: with_unit(size as u64), most: with_unit(most) });
        }
    }
}

/// Explicit bounds, else those of the format.
fn bounds(schema: &Value) -> (Option<Value>, Option<Value>) {
    let (least, most) = match schema["format"].as_str() {
        Some("int32") => (json!(i32::MIN), json!(i32::MAX)),
        Some("int64") => (json!(i64::MIN), json!(i64::MAX)),
        _ => (Value::Null, Value::Null),
    };
    let chosen =
        |name: &str, other: Value| Some(schema.get(name).cloned().unwrap_or(other)).filter(|v| !v.is_null());
    (chosen("minimum", least), chosen("maximum", most))
}

fn number_is_whole(number: &serde_json::Number) -> bool {
    number.is_i64() || number.is_u64()
}

fn with_article(json_type: &str) -> &'static str {
    match json_type {
        "object" => "fields",
        "array" => "a list",
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        _ => "true or false",
    }
}

/// Description of a value, with a hint where only quotes are missing.
fn describe(value: &Tree, expected: &str) -> String {
    let quote = if expected == "text" { ": put it in quotes" } else { "" };
    match value {
        Tree::Null => "nothing".to_owned(),
        Tree::Bool(bool) => format!("{bool}{quote}"),
        Tree::Number(number) => format!("the number {number}{quote}"),
        Tree::Text(text) => format!("the text {text:?}"),
        Tree::List(_) => "a list".to_owned(),
        Tree::Map(_) => "fields".to_owned(),
    }
}

/// Path of the first object in the schema with a field of that name.
fn parent_of(name: &str, schema: &Value, path: &str) -> Option<String> {
    let properties = schema["properties"].as_object()?;
    if properties.contains_key(name) {
        return Some(path.to_owned());
    }
    properties.iter().find_map(|(key, schema)| parent_of(name, schema, &format!("{path}.{key}")))
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
