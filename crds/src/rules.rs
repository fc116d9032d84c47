//! Rules of the CRD in CEL (`x-kubernetes-validations`): how they are written down, and those that stand at no type.
//!
//! A rule about one type's fields stands at that type. Here are the rules about the whole object, and the words that
//! every text field gets beside its pattern: of a pattern alone the API server shows the regular expression. What CEL
//! says here, [`crate::validate`] says for local runs.

use serde_json::{Value, json};

use crate::text_rule::{self, MAX_NAME_LENGTH};

/// Where rules stand in a schema.
pub(crate) const KEYWORD: &str = "x-kubernetes-validations";

/// A rule of an object; what is wrong is shown at the object itself.
pub(crate) fn rule(rule: &str, message: &str) -> Value {
    json!({"rule": rule, "message": message})
}

/// A rule of an object; what is wrong is shown at its `field`, as `.minWorkers`.
pub(crate) fn rule_at(field: &str, rule: &str, message: &str) -> Value {
    json!({"rule": rule, "message": message, "fieldPath": field})
}

/// What may not change once the job has started, and why.
const IMMUTABLE: [(&str, &str); 4] = [
    ("source", "the plan lists its recordings"),
    ("destination", "the job's state lies there"),
    ("model", "all transcripts of a job are of one model"),
    ("recognition", "all transcripts of a job are made with the same settings"),
];

/// CEL that says whether a field of `self` is what it is of `oldSelf`, field by field where a null may stand: null is as good
/// as not written, and to CEL's own comparison it is not. (Comparing optionals would do too, but for their cost, which the
/// API server takes to be without bounds.)
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

/// The rules of the whole object, which has this schema.
pub(crate) fn root(schema: &Value) -> Vec<Value> {
    let name = rule(
        &format!(
            "self.metadata.name.size() <= {MAX_NAME_LENGTH} && \
             self.metadata.name.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')"
        ),
        &format!(
            "metadata.name: write at most {MAX_NAME_LENGTH} lower-case letters, digits and hyphens, without dots, as \
             calls-2026-11: Jobs and the host names of their pods are made from it"
        ),
    );
    let immutable = IMMUTABLE.map(|(field, why)| {
        rule_at(
            &format!(".spec.{field}"),
            &format!(
                "!has(oldSelf.status) || !has(oldSelf.status.startTime) || {}",
                same(&format!("spec.{field}"), &schema["properties"]["spec"]["properties"][field])
            ),
            &format!("{field} cannot change once the job has started, since {why}: make another job"),
        )
    });
    std::iter::once(name).chain(immutable).collect()
}

/// Adds to every text field whose pattern is one of [`text_rule::RULES`] a rule that says in words what to write.
pub(crate) fn add_words(schema: &mut Value) {
    visit(schema, "");
}

fn visit(schema: &mut Value, name: &str) {
    let Some(fields) = schema.as_object_mut() else { return };
    let pattern = fields.get("pattern").and_then(Value::as_str).unwrap_or_default();
    if let Some(form) = text_rule::RULES.iter().find(|form| form.pattern == pattern) {
        let either = fields.contains_key("x-kubernetes-int-or-string");
        let words = words(name, form, either);
        match fields.get_mut(KEYWORD).and_then(Value::as_array_mut) {
            Some(rules) => rules.insert(0, words),
            None => {
                fields.insert(KEYWORD.to_owned(), json!([words]));
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

fn words(name: &str, form: &text_rule::TextRule, either: bool) -> Value {
    let matches = format!("self.matches(r'{}')", form.pattern);
    // Without a type that CEL knows, the number has to be told apart.
    let whole = if either { format!("type(self) == int ? self >= 0 : {matches}") } else { matches };
    rule(&whole, &format!("{name}: write {}", form.hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_beside_patterns() {
        let mut schema = json!({"properties": {
            "bucket": {"type": "string", "pattern": text_rule::BUCKET.pattern},
            "limit": {"x-kubernetes-int-or-string": true, "pattern": text_rule::BYTES.pattern, KEYWORD: [{"rule": "x"}]},
            "other": {"type": "string"},
        }});
        add_words(&mut schema);
        let fields = &schema["properties"];
        let bucket = &fields["bucket"][KEYWORD][0];
        assert!(bucket["message"].as_str().unwrap().starts_with("bucket: write a bucket's name"), "{bucket}");
        let limit = fields["limit"][KEYWORD].as_array().unwrap();
        assert!(limit[0]["rule"].as_str().unwrap().starts_with("type(self) == int ?"), "{limit:?}");
        assert_eq!(limit[1], json!({"rule": "x"}));
        assert_eq!(fields["other"], json!({"type": "string"}));
    }
}
