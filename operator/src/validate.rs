//! Validates a TranscriptionJob for a cluster: raw object in, [`ValidJob`] out. Pure.

use serde_json::Value;
use verbatim_crds::{TranscriptionJob, validate};

use crate::worker_template::WorkerTemplate;

/// A job that passed [`validate()`], with its pod template parsed.
#[derive(Clone, Debug)]
pub struct ValidJob<'a> {
    job: &'a TranscriptionJob,
    template: WorkerTemplate,
}

impl ValidJob<'_> {
    /// The job.
    pub fn job(&self) -> &TranscriptionJob {
        self.job
    }

    /// The parsed `spec.template`.
    pub fn template(&self) -> &WorkerTemplate {
        &self.template
    }
}

/// Problems of a job that cannot run as it is written, each with its field, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidJob(pub String);

/// Validates a job. The API server refuses most invalid jobs before.
///
/// # Errors
/// [`InvalidJob`] with all problems of the fields, or with the problem of the pod template.
pub fn validate(job: &TranscriptionJob) -> Result<ValidJob<'_>, InvalidJob> {
    let problems: Vec<String> =
        validate::in_cluster(job).iter().map(|problem| format!("{}: {problem}", problem.path())).collect();
    if !problems.is_empty() {
        return Err(InvalidJob(problems.join("; ")));
    }
    let template = WorkerTemplate::try_from(Value::Object(job.spec.template.clone()))
        .map_err(|error| InvalidJob(format!("spec.template: {error}")))?;
    Ok(ValidJob { job, template })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_problem_is_reported_with_its_field() {
        let problem = |template: Value, scaling: Value| {
            let job: TranscriptionJob = serde_json::from_value(json!({
                "apiVersion": "verbatim.dev/v1alpha1", "kind": "TranscriptionJob", "metadata": {"name": "calls"},
                "spec": {
                    "source": {"s3": {"bucket": "calls"}}, "destination": {"s3": {"bucket": "transcripts"}},
                    "template": template, "scaling": scaling,
                },
            }))
            .unwrap();
            validate(&job).err().map(|InvalidJob(message)| message)
        };
        assert_eq!(problem(json!({}), json!({})), None);
        assert_eq!(
            problem(json!({}), json!({"minWorkers": 20})).as_deref(),
            Some("spec.scaling.minWorkers: must not exceed maxWorkers")
        );
        for (template, expected) in [
            (json!({"spec": {"containers": 3}}), "spec.template: not a pod template: invalid type"),
            (
                json!({"spec": {"restartPolicy": "Always", "containers": []}}),
                "spec.template: restartPolicy must be Never",
            ),
        ] {
            let message = problem(template, json!({})).unwrap();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
