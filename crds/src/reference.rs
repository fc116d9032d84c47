//! `docs/api.md`: every field of a TranscriptionJob for people, made from the CRD.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{crd, rules::KEYWORD, text_rule};

/// Groups of the spec in the order that a person meets them; what is not named here follows.
const ORDER: [&str; 13] = [
    "source",
    "destination",
    "storage",
    "model",
    "recognition",
    "batching",
    "scaling",
    "recycle",
    "failurePolicy",
    "activeDeadlineSeconds",
    "ttlSecondsAfterFinished",
    "suspend",
    "template",
];

const HEAD: &str = "\
<!-- Made by crdgen from crds/src. Do not edit: change the types, then run `make generate`. -->
# TranscriptionJob: all fields

`kubectl explain tj.spec` shows the same. [guide.md](guide.md) shows how they are used, `deploy/samples` has a manifest for each
group, and [conditions.md](conditions.md) says what a status means.
";

/// The whole file.
pub fn markdown() -> String {
    let crd = crd::json();
    let version = &crd["spec"]["versions"][0];
    let schema = &version["schema"]["openAPIV3Schema"];
    let mut page = HEAD.to_owned();
    let _ = write!(page, "\n`apiVersion: {}`, `kind: {}`\n", crate::job::api_version(), crate::job::KIND);
    rules(&mut page, schema, "", "Rules of the whole object");

    let spec = &schema["properties"]["spec"];
    let _ = write!(page, "\n## spec\n\n{}\n", description(spec));
    rules(&mut page, spec, "spec", "Rules");
    let groups = names(spec);
    let ordered = ORDER.iter().copied().filter(|name| groups.contains(name));
    let others = groups.iter().copied().filter(|name| !ORDER.contains(name));
    for name in ordered.chain(others) {
        let path = format!("spec.{name}");
        section(&mut page, &spec["properties"][name], &path, required(spec, name));
    }

    let status = &schema["properties"]["status"];
    let _ = write!(page, "\n## status\n\n{} The operator writes it.\n", description(status));
    let mut table = Table::default();
    fields(&mut table, status, "");
    page.push_str(&table.markdown());
    columns(&mut page, version);
    page
}

fn section(page: &mut String, schema: &Value, path: &str, required: bool) {
    let needed = if required { ", required" } else { "" };
    let _ = write!(page, "\n### {path}\n\n*{}{needed}.* {}\n", kind(schema), description(schema));
    let mut table = Table::default();
    fields(&mut table, schema, "");
    page.push_str(&table.markdown());
    rules(page, schema, path, "Rules");
}

/// Rows of a table.
#[derive(Default)]
struct Table(String);

impl Table {
    fn row(&mut self, path: &str, kind: &str, what: &str) {
        let cell = |text: &str| text.replace('|', "\\|").replace("\n\n", "<br>").replace('\n', " ");
        let _ = writeln!(self.0, "| `{path}` | {} | {} |", cell(kind), cell(what));
    }

    fn markdown(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        format!("\n| field | type | what |\n|---|---|---|\n{}", self.0)
    }
}

/// A row for each field, those of objects below them.
fn fields(table: &mut Table, schema: &Value, path: &str) {
    for name in names(schema) {
        let field = &schema["properties"][name];
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let needed = if required(schema, name) { ", required" } else { "" };
        table.row(&path, &format!("{}{needed}", kind(field)), &description(field));
        fields(table, field, &path);
        fields(table, &field["items"], &format!("{path}[]"));
    }
}

/// What CEL asks, but for the words of patterns, which are in the type.
fn rules(page: &mut String, schema: &Value, path: &str, title: &str) {
    let mut found = Vec::new();
    collect(schema, path, &mut found);
    if !found.is_empty() {
        let _ = write!(page, "\n{title}:\n{}", found.concat());
    }
}

fn collect(schema: &Value, path: &str, found: &mut Vec<String>) {
    for rule in schema[KEYWORD].as_array().into_iter().flatten() {
        let (at, message) = (rule["fieldPath"].as_str().unwrap_or_default(), message(rule));
        let of_pattern = text_rule::RULES.iter().any(|form| message.ends_with(form.hint));
        if !of_pattern {
            let place = format!("{path}{at}");
            let place = place.trim_start_matches('.');
            let mark = if place.is_empty() { String::new() } else { format!("`{place}`: ") };
            found.push(format!("- {mark}{message}.\n"));
        }
    }
    // The whole object's and the spec's own rules stand alone; those of groups follow in their sections.
    if path.contains('.') {
        for name in names(schema) {
            collect(&schema["properties"][name], &format!("{path}.{name}"), found);
        }
        collect_items(schema, path, found);
    }
}

fn collect_items(schema: &Value, path: &str, found: &mut Vec<String>) {
    if schema["items"].is_object() {
        collect(&schema["items"], &format!("{path}[]"), found);
    }
}

fn message(rule: &Value) -> &str {
    rule["message"].as_str().unwrap_or_default()
}

/// What `kubectl get` shows.
fn columns(page: &mut String, version: &Value) {
    page.push_str("\n## Columns of `kubectl get tj`\n\n| column | from | |\n|---|---|---|\n");
    for column in version["additionalPrinterColumns"].as_array().into_iter().flatten() {
        let text = |name: &str| column[name].as_str().unwrap_or_default().to_owned();
        let wide = if column["priority"].as_i64().unwrap_or(0) > 0 { "with `-o wide`" } else { "" };
        let _ = writeln!(page, "| {} | `{}` | {wide} |", text("name"), text("jsonPath"));
    }
    let scale = &version["subresources"]["scale"];
    let path = |name: &str| scale[name].as_str().unwrap_or_default().to_owned();
    let _ = write!(
        page,
        "\n`kubectl scale` sets `{}` and shows `{}`. `--field-selector status.phase=Running` selects by phase.\n",
        path("specReplicasPath"),
        path("statusReplicasPath")
    );
}

fn names(schema: &Value) -> Vec<&str> {
    schema["properties"]
        .as_object()
        .map(|fields| fields.keys().map(String::as_str).collect())
        .unwrap_or_default()
}

fn required(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().is_some_and(|names| names.iter().any(|other| other == name))
}

fn description(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().to_owned()
}

/// Type and bounds in words.
fn kind(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        return values
            .iter()
            .filter_map(Value::as_str)
            .map(|v| format!("`{v}`"))
            .collect::<Vec<_>>()
            .join(", ");
    }
    if let Some(form) = schema["pattern"].as_str() {
        return text_rule::hint(form);
    }
    match schema["type"].as_str().unwrap_or_default() {
        "integer" => format!("whole number{}", bound(schema, "minimum", "maximum", "").unwrap_or_default()),
        "number" => format!("number{}", bound(schema, "minimum", "maximum", "").unwrap_or_default()),
        "array" => {
            let entries = kind(&schema["items"]);
            let size = bound(schema, "minItems", "maxItems", "entries").unwrap_or_default();
            format!("list of {entries}{size}")
        }
        "string" if schema["format"] == "date-time" => "time".to_owned(),
        "string" => {
            format!("text{}", bound(schema, "minLength", "maxLength", "characters").unwrap_or_default())
        }
        "boolean" => "true or false".to_owned(),
        _ => "object".to_owned(),
    }
}

/// `, 1 to 100 entries`; nothing where there is no greatest number.
fn bound(schema: &Value, least: &str, most: &str, unit: &str) -> Option<String> {
    let most = schema[most].as_number()?;
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    Some(match schema[least].as_number() {
        Some(least) => format!(", {least} to {most}{unit}"),
        None => format!(", at most {most}{unit}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_and_rule_is_there() {
        fn check(schema: &Value, page: &str) {
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                assert!(page.contains(name.as_str()), "{name}");
                check(field, page);
                check(&field["items"], page);
            }
            for rule in schema[KEYWORD].as_array().into_iter().flatten() {
                let hint = message(rule).split_once(": write ").map_or(message(rule), |(_, hint)| hint);
                assert!(page.contains(hint), "{rule}");
            }
        }
        let page = markdown();
        let schema = crd::json()["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
        check(&schema, &page);
        let groups = &schema["properties"]["spec"];
        assert!(ORDER.iter().all(|name| names(groups).contains(name)));
    }

    #[test]
    fn the_committed_file_is_what_the_types_say() {
        let committed = include_str!("../../docs/api.md");
        assert!(committed == markdown(), "run: make generate");
    }
}
