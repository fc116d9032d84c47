//! Pod templates for workers: a cluster's defaults, read from a file when the operator starts, and a job's
//! own.
//!
//! A template is checked once, when it is read, so that building pods cannot fail. No clients.

use std::path::Path;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::Value;
use verbatim_crds::contract::WORKER_CONTAINER;

/// A pod template that can be merged over the operator's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkerTemplate(PodTemplateSpec);

/// Content that is no pod template for workers.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file cannot be read.
    #[error("failed to read the file: {0}")]
    Read(#[from] std::io::Error),
    /// The file is not YAML.
    #[error("not valid YAML: {0}")]
    Yaml(#[source] Box<serde_saphyr::Error>),
    /// The content has another type.
    #[error("not a pod template: {0}")]
    Type(#[from] serde_json::Error),
    /// Pod templates have no such field.
    #[error("{0}: pod templates have no such field")]
    UnknownField(String),
    /// The template overrides what the operator depends on.
    #[error("{0}")]
    Refused(&'static str),
}

impl WorkerTemplate {
    /// The template as Kubernetes' type.
    pub fn spec(&self) -> &PodTemplateSpec {
        &self.0
    }

    /// Reads a file: YAML or JSON of a `PodTemplateSpec`.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn load(path: &Path) -> Result<Self, TemplateError> {
        Self::parse(&std::fs::read_to_string(path)?)
    }

    fn parse(text: &str) -> Result<Self, TemplateError> {
        let written: Value =
            serde_saphyr::from_str(text).map_err(|error| TemplateError::Yaml(Box::new(error)))?;
        let template = Self::try_from(written.clone())?;
        // Kubernetes' types drop unknown fields, so that a misspelt field would be ignored silently.
        match lost(&written, &serde_json::to_value(&template.0)?) {
            Some(field) => Err(TemplateError::UnknownField(field)),
            None => Ok(template),
        }
    }
}

impl TryFrom<Value> for WorkerTemplate {
    type Error = TemplateError;

    fn try_from(json: Value) -> Result<Self, TemplateError> {
        let template: PodTemplateSpec = serde_json::from_value(json)?;
        let Some(spec) = &template.spec else { return Ok(Self(template)) };
        if spec.restart_policy.as_deref().is_some_and(|policy| policy != "Never") {
            return Err(TemplateError::Refused("restartPolicy must be Never: the Job starts workers again"));
        }
        let worker = spec.containers.iter().find(|container| container.name == WORKER_CONTAINER);
        if worker.is_some_and(|worker| worker.command.is_some() || worker.args.is_some()) {
            return Err(TemplateError::Refused("containers[worker] must not set command or args"));
        }
        Ok(Self(template))
    }
}

/// The first field of `written` that is missing in `kept`, such as `spec.containers[0].name`. Nulls do not
/// count.
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
    fn template_is_read() {
        let template = WorkerTemplate::parse(
            "metadata: {labels: {team: speech}}\n\
             spec:\n  imagePullSecrets: [{name: registry}]\n  nodeSelector: null\n  containers:\n  - name: worker\n    \
             imagePullPolicy: Always\n    resources: {requests: {cpu: '2'}}\n",
        )
        .unwrap();
        let spec = template.0.spec.unwrap();
        assert_eq!(spec.containers[0].image_pull_policy.as_deref(), Some("Always"));
        assert_eq!(spec.image_pull_secrets.unwrap()[0].name, "registry");
        assert_eq!(WorkerTemplate::parse("{}").unwrap(), WorkerTemplate::default());
    }

    #[test]
    fn errors_name_the_field() {
        for (text, expected) in [
            ("spec: [", "not valid YAML"),
            ("spec: {containers: 3}", "not a pod template: invalid type"),
            ("nodeSelector: {a: b}", "nodeSelector: pod templates have no such field"),
            (
                "spec: {containers: [{name: worker, imagePullPolcy: Always}]}",
                "spec.containers[0].imagePullPolcy: pod templates have no",
            ),
            ("spec: {restartPolicy: Always, containers: []}", "restartPolicy must be Never"),
            ("spec: {containers: [{name: worker, args: [run]}]}", "must not set command or args"),
        ] {
            let error = WorkerTemplate::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let error = WorkerTemplate::load(Path::new("/nowhere/template.yaml")).unwrap_err().to_string();
        assert!(error.contains("failed to read the file: No such file"), "{error}");
    }
}
