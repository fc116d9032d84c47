//! The pod template that lies under that of every job: a cluster's own defaults, from a file.
//!
//! It is read when the operator starts. What is wrong with it is said then, and not by every job later.

use std::path::Path;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::Value;

use crate::build::{BuildError, pod};

/// A file that is no pod template for workers.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It cannot be read.
    #[error("failed to read it: {0}")]
    Read(#[from] std::io::Error),
    /// It is no YAML.
    #[error("it is no YAML: {0}")]
    Yaml(#[source] Box<serde_saphyr::Error>),
    /// It is no pod template.
    #[error("it is no pod template: {0}")]
    Template(#[from] serde_json::Error),
    /// It has a field that pod templates have not.
    #[error("{0}: there is no such field in a pod template")]
    Unknown(String),
    /// It takes away what the operator needs.
    #[error(transparent)]
    Refused(BuildError),
}

/// Reads the template: YAML or JSON of a `PodTemplateSpec`.
///
/// # Errors
/// [`TemplateError`].
pub fn read(path: &Path) -> Result<PodTemplateSpec, TemplateError> {
    parse(&std::fs::read_to_string(path)?)
}

fn parse(text: &str) -> Result<PodTemplateSpec, TemplateError> {
    let written: Value =
        serde_saphyr::from_str(text).map_err(|error| TemplateError::Yaml(Box::new(error)))?;
    let template: PodTemplateSpec = serde_json::from_value(written.clone())?;
    // The types leave out what they do not know; a misspelt field would be no default, in silence.
    if let Some(field) = lost(&written, &serde_json::to_value(&template)?) {
        return Err(TemplateError::Unknown(field));
    }
    pod::check(&template).map_err(TemplateError::Refused)?;
    Ok(template)
}

/// The first field of `written` that `kept` has not, as `spec.containers[0].name`. Nothing is lost with a null.
fn lost(written: &Value, kept: &Value) -> Option<String> {
    let below = |place: &str, inner: String| {
        let dot = if inner.is_empty() || inner.starts_with('[') { "" } else { "." };
        format!("{place}{dot}{inner}")
    };
    match (written, kept) {
        (Value::Object(written), Value::Object(kept)) => written
            .iter()
            .filter(|(_, value)| !value.is_null())
            .find_map(|(name, value)| match kept.get(name) {
                None => Some(name.clone()),
                Some(kept) => lost(value, kept).map(|inner| below(name, inner)),
            }),
        (Value::Array(written), Value::Array(kept)) => {
            written.iter().zip(kept).enumerate().find_map(|(at, (value, kept))| {
                lost(value, kept).map(|inner| below(&format!("[{at}]"), inner))
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_of_defaults_is_read() {
        let template = parse(
            "metadata: {labels: {team: speech}}\n\
             spec:\n  imagePullSecrets: [{name: registry}]\n  nodeSelector: null\n  containers:\n  - name: worker\n    \
             imagePullPolicy: Always\n    resources: {requests: {cpu: '2'}}\n",
        )
        .unwrap();
        let spec = template.spec.unwrap();
        assert_eq!(spec.containers[0].image_pull_policy.as_deref(), Some("Always"));
        assert_eq!(spec.image_pull_secrets.unwrap()[0].name, "registry");
        assert_eq!(parse("{}").unwrap(), PodTemplateSpec::default());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, says) in [
            ("spec: [", "it is no YAML"),
            ("spec: {containers: 3}", "it is no pod template: invalid type"),
            ("nodeSelector: {a: b}", "nodeSelector: there is no such field"),
            (
                "spec: {containers: [{name: worker, imagePullPolcy: Always}]}",
                "spec.containers[0].imagePullPolcy: there is no",
            ),
            ("spec: {restartPolicy: Always, containers: []}", "restartPolicy must be Never"),
            ("spec: {containers: [{name: worker, args: [run]}]}", "must leave command and args alone"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
        let error = read(Path::new("/nowhere/template.yaml")).unwrap_err().to_string();
        assert!(error.contains("failed to read it: No such file"), "{error}");
    }
}
