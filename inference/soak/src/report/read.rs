//! The recorded files, read line by line: it takes a soak's folder and gives what the reports need to know.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

use crate::record::{EventLine, ResourceLine, ResultLine, RunFacts};
use crate::report::findings::Findings;
use crate::report::tasks::MOST_TASKS;

/// What was run, and on what.
pub const RUN: &str = "run.json";
/// One line for each task.
pub const RESULTS: &str = "results.jsonl";
/// One line for each process and second.
pub const RESOURCES: &str = "resources.csv";
/// One line for each thing that happened to engines.
pub const EVENTS: &str = "events.jsonl";

/// Why the recorded files could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file is not there, or its bytes cannot be read.
    #[error("failed to read {path:?}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is not what a soak writes.
    #[error("{path:?}, line {line}: not what a soak writes: {source}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// A row is not what a soak writes.
    #[error("{path:?}, line {line}: not what a soak writes: {source}")]
    Row {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Why.
        source: csv::Error,
    },
    /// A task's number is not from 1 to [`MOST_TASKS`].
    #[error("{path:?}, line {line}: a task cannot have the number {task}")]
    Task {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The number.
        task: usize,
    },
    /// A reason for replacing an engine is none of ours.
    #[error("{path:?}, line {line}: {reason:?} is no reason for replacing an engine")]
    Reason {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What it says.
        reason: String,
    },
}

/// Reads the four files of a soak.
///
/// # Errors
/// [`ReadError`], with the file and the line. A last line that was cut off by the end of the process that wrote it is
/// left out: what it would have told shows up as missing.
pub fn read(folder: &Path) -> Result<Findings, ReadError> {
    let mut findings = Findings::new(run(&folder.join(RUN))?);

    // Events first: a result that took several attempts names no engine that was lost with it.
    let path = folder.join(EVENTS);
    lines(&path, |line, event: EventLine| {
        let refused = |reason| ReadError::Reason { path: path.clone(), line, reason };
        findings.engines.event(event).map_err(refused)
    })?;
    let path = folder.join(RESULTS);
    lines(&path, |line, result: ResultLine| {
        let task = result.task_id;
        if !(1..=MOST_TASKS).contains(&task) {
            return Err(ReadError::Task { path: path.clone(), line, task });
        }
        findings.result(result);
        Ok(())
    })?;
    rows(&folder.join(RESOURCES), |row| findings.resource(row))?;
    Ok(findings)
}

fn run(path: &Path) -> Result<RunFacts, ReadError> {
    let text = std::fs::read(path).map_err(|source| ReadError::File { path: path.to_owned(), source })?;
    serde_json::from_slice(&text).map_err(|source| ReadError::Line {
        path: path.to_owned(),
        line: source.line() as u64,
        source,
    })
}

fn lines<T: DeserializeOwned>(
    path: &Path,
    mut take: impl FnMut(u64, T) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let failed = |source| ReadError::File { path: path.to_owned(), source };
    let mut reader = BufReader::new(File::open(path).map_err(failed)?);
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        if reader.read_until(b'\n', &mut text).map_err(failed)? == 0 {
            break;
        }
        match serde_json::from_slice(&text) {
            Ok(value) => take(line, value)?,
            Err(_) if !text.ends_with(b"\n") => break,
            Err(source) => return Err(ReadError::Line { path: path.to_owned(), line, source }),
        }
    }
    Ok(())
}

fn rows(path: &Path, mut take: impl FnMut(&ResourceLine)) -> Result<(), ReadError> {
    let failed = |source| ReadError::File { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let cut = is_cut(&mut file).map_err(failed)?;
    let mut reader = csv::Reader::from_reader(file);
    let mut rows = reader.deserialize();
    while let Some(row) = rows.next() {
        match row {
            Ok(row) => take(&row),
            Err(_) if cut && rows.next().is_none() => break,
            Err(source) => {
                let line = source.position().map_or(1, csv::Position::line);
                return Err(ReadError::Row { path: path.to_owned(), line, source });
            }
        }
    }
    Ok(())
}

/// Whether the file's last line has no end.
fn is_cut(file: &mut File) -> io::Result<bool> {
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        file.rewind()?;
    }
    Ok(last != *b"\n")
}
