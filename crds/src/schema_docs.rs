//! Descriptions of the schema, as `kubectl explain` needs them: it breaks lines by itself, and shows no defaults.

use serde_json::Value;

/// Makes one line of each paragraph.
pub(crate) fn join_lines(schema: &mut Value) {
    each(schema, &|description, _| {
        description
            .split("\n\n")
            .map(|paragraph| paragraph.replace('\n', " "))
            .collect::<Vec<_>>()
            .join("\n\n")
    });
}

/// Says the default of each field that has one.
pub(crate) fn append_defaults(schema: &mut Value) {
    each(schema, &|description, default| match default.and_then(said) {
        Some(default) => format!("{} Default: {default}.", description.trim_end()),
        None => description.to_owned(),
    });
}

/// Changes each description, given its field's default.
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
            // Content that happens to look like a schema stays as it is.
            fields
                .iter_mut()
                .filter(|(name, _)| *name != "default")
                .for_each(|(_, value)| each(value, change));
        }
        _ => {}
    }
}

/// A default in words; nothing for one that is nothing, or that the fields inside say.
fn said(default: &Value) -> Option<String> {
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
    fn lines_are_joined_and_defaults_said() {
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
