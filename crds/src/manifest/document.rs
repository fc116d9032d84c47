//! Finds the job among the documents of a file.
//!
//! People keep a job beside the Secret or ConfigMap that it needs, so documents of other kinds are ignored
//! and listed. Two jobs are an error: a run takes one, and the choice would be a guess.

use crate::{
    job,
    manifest::{
        error::{ManifestError, Problem, ProblemKind},
        suggest::nearest,
        tree::{Node, Tree},
    },
};

/// A document of another kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Kind of the document.
    pub kind: String,
    /// Name of the object, if it has one.
    pub name: Option<String>,
    /// First line of the document.
    pub line: u64,
}

/// The job's document, and the ignored ones.
///
/// # Errors
/// [`ManifestError::NoJob`], [`ManifestError::SeveralJobs`], or [`ManifestError::Invalid`] for a job with a
/// wrong version or kind.
pub fn choose(documents: Vec<Node>) -> Result<(Node, Vec<Ignored>), ManifestError> {
    let (mut jobs, others): (Vec<Node>, Vec<Node>) = documents.into_iter().partition(is_meant_as_job);
    let ignored: Vec<Ignored> = others.iter().map(ignore).collect();
    match jobs.len() {
        0 => Err(ManifestError::NoJob { kinds: ignored.into_iter().map(|other| other.kind).collect() }),
        1 => {
            let job = jobs.remove(0);
            let problems = wrong_type(&job);
            if problems.is_empty() { Ok((job, ignored)) } else { Err(ManifestError::Invalid { problems }) }
        }
        _ => Err(ManifestError::SeveralJobs { lines: jobs.iter().map(|job| job.line).collect() }),
    }
}

/// Whether the document is a job, or would be one without a typo: any document that is not clearly of another
/// kind.
fn is_meant_as_job(document: &Node) -> bool {
    let ours = document.text("apiVersion").is_some_and(|version| version.starts_with(job::GROUP));
    match document.text("kind") {
        Some(kind) => ours || nearest(kind, &[job::KIND.to_owned()]).is_some(),
        None => true,
    }
}

fn ignore(document: &Node) -> Ignored {
    Ignored {
        kind: document.text("kind").unwrap_or_default().to_owned(),
        name: document.get("metadata").and_then(|field| field.node.text("name")).map(str::to_owned),
        line: document.line,
    }
}

/// Problems of `apiVersion` and `kind`, which are reported alone: fields of another version would all be
/// unknown.
fn wrong_type(document: &Node) -> Vec<Problem> {
    let differs = |name: &str, expected: &str| {
        let field = document.get(name)?;
        match &field.node.value {
            Tree::Text(found) if found != expected => {
                Some((field.node.line, field.node.column, found.clone()))
            }
            _ => None,
        }
    };
    let version = job::api_version();
    let wrong_version = differs("apiVersion", &version).map(|(line, column, found)| Problem {
        path: "apiVersion".to_owned(),
        line,
        column,
        kind: ProblemKind::WrongApiVersion { expected: version.clone(), found },
    });
    let wrong_kind = differs("kind", job::KIND).map(|(line, column, found)| Problem {
        path: "kind".to_owned(),
        line,
        column,
        kind: ProblemKind::WrongKind { expected: job::KIND.to_owned(), found },
    });
    wrong_version.into_iter().chain(wrong_kind).collect()
}
