//! Descriptions of the schema for `kubectl explain`, which wraps lines itself and shows no defaults.

use serde_json::Value;

/// Joins the lines of each paragraph.
pub(crate) fn join_lines(schema: &mut Value) {
    each(schema, &|description, _| {
        description
            .split("\n\n")
            .map(|paragraph| paragraph.replace('\n', " "))
            .collect::<Vec<_>>()
            .join("\n\n")
    });
}

/// Appends the default of each field that has one.
pub(crate) fn append_defaults(schema: &mut Value) {
    each(schema, &|description, default| match default.and_then(default_text) {
        Some(default) => format!("{} Default: {default}.", description.trim_end()),
        None => description.to_owned(),
    });
}

/// Changes each description, given the default of its field.
fn each(schema: &mut Value, change: &dyn Fn(&str, Option<&Value>) -> String) {
    match schema {
        Value::Array(entries) => entries.iter_mut().for_each(|entry| each(entry, change)),
        Value::Object(fields) => {
            let changed = fields
                .get("description")
                .and_then(Value::as_str)
                .map(|text| change(text, fields.get("default")));
            if let Some(text) = changed {
                fields.insert("description".to_owned(), text.into());
            }
            // A default that looks like a schema stays as it is.
            fields
                .iter_mut()
                .filter(|(name, _)| *name != "default")
                .for_each(|(_, value)| each(value, change));
        }
        _ => {}
    }
}

/// A default as text; `None` for empty defaults and for objects, whose fields have their own.
fn default_text(default: &Value) -> Option<String> {
    match default {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Bool(_) | Value::Number(_) => Some(default.to_string()),
        Value::Array(entries) if !entries.is_empty() => Some(default.to_string().replace('"', "")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_are_joined_and_defaults_appended() {
        let mut schema = json!({
            "description": "One\nline.\n\nAnother.",
            "properties": {
                "a": {"description": "A.", "default": "80%"},
                "b": {"description": "B.", "default": ["JSON"]},
                "c": {"description": "C.", "default": {"description": "x\ny"}},
                "d": {"description": "D.", "default": ""},
            },
        });
        join_lines(&mut schema);
        append_defaults(&mut schema);
        let expected = json!({
            "description": "One line.\n\nAnother.",
            "properties": {
                "a": {"description": "A. Default: 80%.", "default": "80%"},
                "b": {"description": "B. Default: [JSON].", "default": ["JSON"]},
                "c": {"description": "C.", "default": {"description": "x\ny"}},
                "d": {"description": "D.", "default": ""},
            },
        });
        assert_eq!(schema, expected);
    }
}
