//! The chart: which values it rejects, what it renders, and how a real API server handles that.
//!
//! Tests that install, upgrade and remove it, with a real operator in its pods:
//! operator/tests/cluster/chart.rs.

mod admitted;
mod facts;
mod values;

use serde_json::Value;
use verbatim_testing::helm;

/// Sets of values in the chart's folder `ci`.
const SETS: [&str; 4] = ["default", "full", "namespaced", "openshift"];

/// Everything that the chart renders for a set of values.
fn rendered(set: &str) -> Vec<Value> {
    let values = helm::chart().join(format!("ci/{set}.yaml"));
    objects(&helm::template(&["--values", values.to_str().unwrap()]).unwrap())
}

/// Objects of a YAML file with several documents.
fn objects(yaml: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap();
    all.into_iter().filter(|object| !object.is_null()).collect()
}

/// The only object of this kind and name.
fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let mut found =
        objects.iter().filter(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    let first = found.next().unwrap_or_else(|| panic!("there is no {kind} {name}"));
    assert!(found.next().is_none(), "several {kind} {name}");
    first
}

#[test]
fn every_set_of_values_is_in_the_list() {
    let mut sets: Vec<String> = std::fs::read_dir(helm::chart().join("ci"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    sets.sort();
    assert_eq!(sets, SETS);
}
