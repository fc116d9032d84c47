//! The CustomResourceDefinition, made from the types.

use kube_core::CustomResourceExt;
use serde_json::{Value, json};

use crate::{TranscriptionJob, rules, schema_docs};

/// Says to people and tools that edits are lost.
const HEADER: &str = "# Made by crdgen from crds/src. Do not edit: change the types, then run\n\
                      # cargo run -p verbatim-crds --bin crdgen\n";

/// Whole numbers below 2^53 are the same as floats and as integers.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The CRD as JSON. Bounds, which Kubernetes' types hold as floats, are written as whole numbers where they are, and
/// formats that only Rust has are written as one that Kubernetes has: it warns of others. [`crate::rules`] adds what
/// stands at no type.
pub fn json() -> Value {
    let mut crd = json!(TranscriptionJob::crd());
    tidy(&mut crd);
    let schema = &mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    schema_docs::join_lines(schema);
    schema_docs::append_defaults(&mut schema["properties"]["spec"]);
    rules::add_words(schema);
    schema[rules::KEYWORD] = rules::root(schema).into();
    crd
}

/// The whole file that is committed as `crds/transcriptionjobs.verbatim.dev.yaml`, the same every time.
///
/// # Errors
/// The serializer's, which no CRD that the types can make should cause.
pub fn yaml() -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(&json()).map(|yaml| format!("{HEADER}{yaml}"))
}

fn tidy(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(float) = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < EXACT) {
                *number = (float as i64).into();
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(tidy),
        Value::Object(fields) => {
            if fields.get("format") == Some(&json!("uint32")) {
                fields.insert("format".to_owned(), json!("int64"));
            }
            fields.values_mut().for_each(tidy);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_file_is_what_the_types_say() {
        let committed = include_str!("../transcriptionjobs.verbatim.dev.yaml");
        assert!(committed == yaml().unwrap(), "run: cargo run -p verbatim-crds --bin crdgen");
        let read: Value = serde_saphyr::from_str(committed).unwrap();
        assert_eq!(read, json());
    }

    #[test]
    fn numbers_and_formats_are_those_of_kubernetes() {
        let mut value =
            json!({"maximum": 100.0, "default": 0.5, "items": [{"format": "uint32"}, {"format": "double"}]});
        tidy(&mut value);
        let text = r#"{"default":0.5,"items":[{"format":"int64"},{"format":"double"}],"maximum":100}"#;
        assert_eq!(value.to_string(), text);
    }
}
