//! Reads the recorded files of a soak, line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::analysis::measurements::Measurements;
use crate::analysis::tasks::MAX_TASKS;
use crate::record::{EVENTS, EventLine, RESOURCES, RESULTS, RUN, ResultLine, RunMetadata};

/// A recorded file is missing, unreadable or invalid.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file cannot be read.
    #[error("failed to read {path:?}: {source}")]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// A line is invalid.
    #[error("{path:?}, line {line}: {problem}")]
    Line {
        /// Path of the file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: u64,
        /// Problem with the line.
        problem: LineError,
    },
}

/// Problem with a line of a recorded file.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Not the JSON that a soak writes.
    #[error("not a line that a soak writes: {0}")]
    Json(#[from] serde_json::Error),
    /// Not the CSV that a soak writes.
    #[error("not a row that a soak writes: {0}")]
    Csv(#[from] csv::Error),
    /// Task number out of range, from 1 to 10^8.
    #[error("invalid task number {0}: expected 1 to {MAX_TASKS}")]
    Task(usize),
    /// Unknown reason for replacing an engine.
    #[error("unknown reason {0:?} for replacing an engine")]
    Reason(String),
}

/// Reads the four files of a soak.
///
/// # Errors [`ReadError`] with file and line. An incomplete last line, left by a process that was killed
/// while it wrote, is skipped; what it would have recorded counts as missing.
pub(crate) fn read(folder: &Path) -> Result<Measurements, ReadError> {
    let mut measurements = Measurements::new(read_run(&folder.join(RUN))?);
    // Events first: a result of several attempts does not name the engines that were lost with it.
    read_lines(&folder.join(EVENTS), |event: EventLine| {
        measurements.engines.add_event(event).map_err(LineError::Reason)
    })?;
    read_lines(&folder.join(RESULTS), |result: ResultLine| {
        if !(1..=MAX_TASKS).contains(&result.task_id) {
            return Err(LineError::Task(result.task_id));
        }
        measurements.add_result(result);
        Ok(())
    })?;
    read_resources(&folder.join(RESOURCES), &mut measurements)?;
    Ok(measurements)
}

fn line_error(path: &Path, line: u64, problem: impl Into<LineError>) -> ReadError {
    ReadError::Line { path: path.to_owned(), line, problem: problem.into() }
}

fn read_run(path: &Path) -> Result<RunMetadata, ReadError> {
    let text = std::fs::read(path).map_err(|source| ReadError::File { path: path.to_owned(), source })?;
    serde_json::from_slice(&text).map_err(|error| line_error(path, error.line() as u64, error))
}

fn read_lines<T: DeserializeOwned>(
    path: &Path,
    mut add: impl FnMut(T) -> Result<(), LineError>,
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
            Ok(value) => add(value).map_err(|problem| line_error(path, line, problem))?,
            Err(_) if !text.ends_with(b"\n") => break,
            Err(error) => return Err(line_error(path, line, error)),
        }
    }
    Ok(())
}

fn read_resources(path: &Path, measurements: &mut Measurements) -> Result<(), ReadError> {
    let failed = |source| ReadError::File { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let incomplete = has_incomplete_line(&mut file).map_err(failed)?;
    let mut reader = csv::Reader::from_reader(file);
    let mut rows = reader.deserialize();
    while let Some(row) = rows.next() {
        match row {
            Ok(row) => measurements.add_resources(&row),
            Err(_) if incomplete && rows.next().is_none() => break,
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                return Err(line_error(path, line, error));
            }
        }
    }
    Ok(())
}

fn has_incomplete_line(file: &mut File) -> io::Result<bool> {
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        file.rewind()?;
    }
    Ok(last != *b"\n")
}
