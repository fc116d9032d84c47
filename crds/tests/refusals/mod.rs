//! Manifests of `crds/refusals`.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// A manifest that must be refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// Name of the entry.
    pub(crate) name: String,
    /// Manifest.
    pub(crate) manifest: Value,
    /// Field that the error names.
    pub(crate) field: String,
    /// Texts in the API server's error.
    pub(crate) says: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    change: Value,
    field: String,
    says: Vec<String>,
}

/// Valid manifest that all others are derived from.
pub(crate) fn base() -> Value {
    read("base.yaml")
}

/// Manifests that must be refused.
pub(crate) fn all() -> Vec<Refusal> {
    ["places.yaml", "settings.yaml"].into_iter().flat_map(load).collect()
}

/// Changes that a started job refuses.
pub(crate) fn started() -> Vec<Refusal> {
    load("started.yaml")
}

fn load(file: &str) -> Vec<Refusal> {
    let base = base();
    read::<Vec<Entry>>(file)
        .into_iter()
        .map(|Entry { name, change, field, says }| {
            let mut manifest = base.clone();
            merge(&mut manifest, &change);
            Refusal { name, manifest, field, says }
        })
        .collect()
}

fn read<T: for<'de> Deserialize<'de>>(file: &str) -> T {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/refusals");
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// JSON merge patch (RFC 7396).
fn merge(target: &mut Value, change: &Value) {
    let Value::Object(changes) = change else {
        *target = change.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let fields = target.as_object_mut().unwrap();
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name).or_insert(Value::Null), change);
        }
    }
}
