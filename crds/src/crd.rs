//! The CustomResourceDefinition, made from the types.

use kube::CustomResourceExt;
use serde_json::{Value, json};

use crate::TranscriptionJob;

/// Whole numbers below 2^53 are the same as floats and as integers.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The CRD as JSON. Bounds, which Kubernetes' types hold as floats, are written as whole numbers where they are, and
/// formats that only Rust has are written as one that Kubernetes has: it warns of others.
pub fn json() -> Value {
    let mut crd = json!(TranscriptionJob::crd());
    tidy(&mut crd);
    crd
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
