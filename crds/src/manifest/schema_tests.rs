//! The check against the whole schema, and against another validator.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::text_rule::RULES;

/// Keywords that [`Check`] supports, and descriptive ones.
const KNOWN: [&str; 22] = [
    "additionalProperties",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "nullable",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-preserve-unknown-fields",
];

fn visit(schema: &Value, found: &mut dyn FnMut(&str, &Value)) {
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        found(keyword, value);
        match keyword.as_str() {
            "properties" => value.as_object().unwrap().values().for_each(|schema| visit(schema, found)),
            "items" | "additionalProperties" => visit(value, found),
            _ => {}
        }
    }
}

#[test]
fn every_keyword_is_supported() {
    let mut unknown = BTreeSet::new();
    visit(&SCHEMA, &mut |keyword, _| {
        // CEL: `crate::validate` has the same rules.
        if !KNOWN.contains(&keyword) && keyword != "x-kubernetes-validations" {
            unknown.insert(keyword.to_owned());
        }
    });
    assert_eq!(unknown, BTreeSet::new());
}

#[test]
fn every_pattern_has_a_hint() {
    let mut patterns = BTreeSet::new();
    visit(&SCHEMA, &mut |keyword, value| {
        if keyword == "pattern" {
            patterns.insert(value.as_str().unwrap().to_owned());
        }
    });
    let rules: BTreeSet<String> = RULES.iter().map(|rule| rule.pattern.to_owned()).collect();
    assert_eq!(patterns, rules);
    for rule in RULES {
        assert!(Regex::new(rule.pattern).is_ok(), "{}", rule.pattern);
    }
}

/// `kubectl explain` shows the descriptions.
#[test]
fn every_field_of_the_spec_and_the_status_is_described() {
    fn missing(schema: &Value, path: &str, found: &mut Vec<String>) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            if field["description"].as_str().is_none_or(str::is_empty) {
                found.push(path.clone());
            }
            missing(field, &path, found);
            missing(&field["items"], &path, found);
        }
    }
    let mut found = Vec::new();
    missing(&SCHEMA["properties"]["spec"], "spec", &mut found);
    missing(&SCHEMA["properties"]["status"], "status", &mut found);
    assert_eq!(found, Vec::<String>::new());
}

/// The schema as plain JSON schema, with Kubernetes' extensions translated.
fn plain(mut schema: Value) -> Value {
    let Some(fields) = schema.as_object_mut() else { return schema };
    fields.remove("format");
    if fields.remove("x-kubernetes-int-or-string").is_some() {
        fields.insert("type".into(), json!(["integer", "string"]));
    }
    if fields.get("x-kubernetes-list-type") == Some(&json!("set")) {
        fields.insert("uniqueItems".into(), json!(true));
    }
    let open = fields.contains_key("x-kubernetes-preserve-unknown-fields");
    if fields.get("type") == Some(&json!("object")) && !open && !fields.contains_key("additionalProperties") {
        fields.insert("additionalProperties".into(), json!(false));
    }
    for (keyword, value) in fields.iter_mut() {
        match keyword.as_str() {
            "properties" => {
                value.as_object_mut().unwrap().values_mut().for_each(|schema| *schema = plain(schema.take()));
            }
            "items" | "additionalProperties" if value.is_object() => *value = plain(value.take()),
            _ => {}
        }
    }
    schema
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-5..20_000_i64).prop_map(Value::from),
        (-1.0..40.0_f64).prop_map(Value::from),
        "(JSON|SRT|IfStale|Never|Mirror|80%|0%|200Mi|en|English|calls|Calls|https://x|)"
            .prop_map(Value::from),
        Just(json!([])),
        Just(json!(["JSON"])),
        Just(json!(["JSON", "JSON"])),
        Just(json!({})),
        Just(json!({"bucket": "calls"})),
        Just(json!({"path": ""})),
        Just(json!({"name": "x"})),
    ]
}

fn places(value: &Value, pointer: &str, found: &mut Vec<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let pointer = format!("{pointer}/{name}");
        found.push(pointer.clone());
        places(value, &pointer, found);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Any value in any field: the check finds a problem exactly when the other validator does.
    #[test]
    fn agrees_with_another_validator(value in values(), place in any::<prop::sample::Index>()) {
        static OTHER: LazyLock<jsonschema::Validator> =
            LazyLock::new(|| jsonschema::validator_for(&plain(SCHEMA.clone())).unwrap());
        let mut document = json!(crate::manifest::parse(include_str!("../../../deploy/samples/s3.yaml")).unwrap().job);
        document["spec"]["destination"]["file"] = json!({"path": "x"});
        document["spec"]["recognition"]["vad"]["negativeThreshold"] = json!(0.3);
        let mut all = Vec::new();
        places(&document, "", &mut all);
        // The template is unstructured.
        all.retain(|pointer| !pointer.starts_with("/spec/template/"));
        let pointer: &String = place.get(&all);
        *document.pointer_mut(pointer).unwrap() = value;
        let nodes = crate::manifest::tree::read(&document.to_string()).unwrap();
        let problems = check(&nodes[0]);
        prop_assert_eq!(problems.is_empty(), OTHER.is_valid(&document), "{:?}\n{}", problems, document);
    }
}
