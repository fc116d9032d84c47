//! Rules of the CRD in CEL (`x-kubernetes-validations`): their form, and those that belong to no type.
//!
//! A rule about the fields of one type is defined at that type. This file has the rules of the whole object,
//! and adds a hint to every text field with a pattern: for a pattern alone the API server shows the regular
//! expression. [`crate::validate`] checks the same rules for local runs.

use serde_json::{Value, json};

use crate::text_rule::{self, MAX_NAME_LENGTH};

/// Keyword of rules in a schema.
pub(crate) const KEYWORD: &str = "x-kubernetes-validations";

/// A rule of an object; errors are reported at the object.
pub(crate) fn rule(rule: &str, message: &str) -> Value {
    json!({"rule": rule, "message": message})
}

/// A rule of an object; errors are reported at its `field`, e.g. `.minWorkers`.
pub(crate) fn rule_at(field: &str, rule: &str, message: &str) -> Value {
    json!({"rule": rule, "message": message, "fieldPath": field})
}

/// Fields that cannot change once the job has started, with the reason.
const IMMUTABLE: [(&str, &str); 4] = [
    ("source", "the plan lists its recordings"),
    ("destination", "it holds the job's state"),
    ("model", "all transcripts of a job come from one model"),
    ("recognition", "all transcripts of a job have the same settings"),
];

/// CEL expression for an unchanged field, compared field by field where null is allowed: null equals an
/// absent field, but not to CEL's own comparison. (Optionals would work too, but the API server estimates
/// their cost as unbounded.)
fn same(path: &str, schema: &Value) -> String {
    fn has_null(schema: &Value) -> bool {
        schema["properties"]
            .as_object()
            .is_some_and(|fields| fields.values().any(|field| field["nullable"] == true || has_null(field)))
    }
    let whole = match schema["properties"].as_object().filter(|_| has_null(schema)) {
        Some(fields) => {
            let all: Vec<String> =
                fields.iter().map(|(name, field)| same(&format!("{path}.{name}"), field)).collect();
            all.join(" && ")
        }
        None => format!("self.{path} == oldSelf.{path}"),
    };
    if schema["nullable"] == true {
        format!("has(self.{path}) == has(oldSelf.{path}) && (!has(self.{path}) || {whole})")
    } else {
        whole
    }
}

/// Rules of the whole object with this schema.
pub(crate) fn root(schema: &Value) -> Vec<Value> {
    let name = rule(
        &format!(
            "self.metadata.name.size() <= {MAX_NAME_LENGTH} && \
             self.metadata.name.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')"
        ),
        &format!(
            "metadata.name: write at most {MAX_NAME_LENGTH} lower-case letters, digits and hyphens, without dots, e.g. \
             calls-2026-11: names of Jobs and host names of pods are derived from it"
        ),
    );
    let immutable = IMMUTABLE.map(|(field, reason)| {
        rule_at(
            &format!(".spec.{field}"),
            &format!(
                "!has(oldSelf.status) || !has(oldSelf.status.startTime) || {}",
                same(&format!("spec.{field}"), &schema["properties"]["spec"]["properties"][field])
            ),
            &format!("{field} cannot change once the job has started, since {reason}: create another job"),
        )
    });
    std::iter::once(name).chain(immutable).collect()
}

/// Adds a rule with a hint to every text field whose pattern is in [`text_rule::RULES`].
pub(crate) fn add_hints(schema: &mut Value) {
    visit(schema, "");
}

fn visit(schema: &mut Value, name: &str) {
    let Some(fields) = schema.as_object_mut() else { return };
    let pattern = fields.get("pattern").and_then(Value::as_str).unwrap_or_default();
    if let Some(form) = text_rule::RULES.iter().find(|form| form.pattern == pattern) {
        let either = fields.contains_key("x-kubernetes-int-or-string");
        let hint = hint(name, form, either);
        match fields.get_mut(KEYWORD).and_then(Value::as_array_mut) {
            Some(rules) => rules.insert(0, hint),
            None => {
                fields.insert(KEYWORD.to_owned(), json!([hint]));
            }
        }
    }
    for (keyword, value) in fields.iter_mut() {
        match keyword.as_str() {
            "properties" => {
                for (name, schema) in value.as_object_mut().into_iter().flatten() {
                    visit(schema, name);
                }
            }
            "items" | "additionalProperties" => visit(value, name),
            _ => {}
        }
    }
}

fn hint(name: &str, form: &text_rule::TextRule, either: bool) -> Value {
    let matches = format!("self.matches(r'{}')", form.pattern);
    // The field has no CEL type, so numbers are checked separately.
    let whole = if either { format!("type(self) == int ? self >= 0 : {matches}") } else { matches };
    rule(&whole, &format!("{name}: write {}", form.hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_accompany_patterns() {
        let mut schema = json!({"properties": {
            "bucket": {"type": "string", "pattern": text_rule::BUCKET.pattern},
            "limit": {"x-kubernetes-int-or-string": true, "pattern": text_rule::BYTES.pattern, KEYWORD: [{"rule": "x"}]},
            "other": {"type": "string"},
        }});
        add_hints(&mut schema);
        let fields = &schema["properties"];
        let bucket = &fields["bucket"][KEYWORD][0];
        assert!(bucket["message"].as_str().unwrap().starts_with("bucket: write a bucket name"), "{bucket}");
        let limit = fields["limit"][KEYWORD].as_array().unwrap();
        assert!(limit[0]["rule"].as_str().unwrap().starts_with("type(self) == int ?"), "{limit:?}");
        assert_eq!(limit[1], json!({"rule": "x"}));
        assert_eq!(fields["other"], json!({"type": "string"}));
    }
}
