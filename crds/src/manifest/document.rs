//! Which document of a file is the job.
//!
//! People keep a job beside the Secret or ConfigMap that it needs, so documents of other kinds are left alone and
//! named. Two jobs are an error: a run does one, and which one is not ours to guess.

use crate::{
    job,
    manifest::{
        error::{ManifestError, Problem, ProblemKind},
        suggest::nearest,
        tree::{Node, Tree},
    },
};

/// A document that is of another kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Its kind.
    pub kind: String,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The line that it begins at.
    pub line: u64,
}

/// The job's document, and what the others are.
///
/// # Errors
/// [`ManifestError::NoJob`], [`ManifestError::SeveralJobs`], or [`ManifestError::Invalid`] for a document that means
/// to be a job and says so wrongly.
pub fn choose(documents: Vec<Node>) -> Result<(Node, Vec<Ignored>), ManifestError> {
    let (mut jobs, others): (Vec<Node>, Vec<Node>) = documents.into_iter().partition(means_a_job);
    let ignored: Vec<Ignored> = others.iter().map(describe).collect();
    match jobs.len() {
        0 => Err(ManifestError::NoJob { kinds: ignored.into_iter().map(|other| other.kind).collect() }),
        1 => {
            let job = jobs.remove(0);
            let problems = named_wrongly(&job);
            if problems.is_empty() { Ok((job, ignored)) } else { Err(ManifestError::Invalid { problems }) }
        }
        _ => Err(ManifestError::SeveralJobs { lines: jobs.iter().map(|job| job.line).collect() }),
    }
}

/// Whether the document is a job or would be one but for a slip: any that does not clearly say otherwise.
fn means_a_job(document: &Node) -> bool {
    let ours = document.text("apiVersion").is_some_and(|version| version.starts_with(job::GROUP));
    match document.text("kind") {
        Some(kind) => ours || nearest(kind, &[job::KIND.to_owned()]).is_some(),
        None => true,
    }
}

fn describe(document: &Node) -> Ignored {
    Ignored {
        kind: document.text("kind").unwrap_or_default().to_owned(),
        name: document.get("metadata").and_then(|field| field.node.text("name")).map(str::to_owned),
        line: document.line,
    }
}

/// A wrong `apiVersion` or `kind` is reported alone: the fields of another version would all be unknown.
fn named_wrongly(document: &Node) -> Vec<Problem> {
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
