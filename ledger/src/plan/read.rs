//! Reads plans and shards. Hostile input: they lie in a bucket that others may write to.

use serde::Deserialize;

use super::cut::{MOST_SHARDS, most_files};
use super::error::PlanError;
use super::file::PlannedFile;
use super::{MAX_FILES, Plan, VERSION};

/// Most bytes of a name or id in a plan: twice the longest path, which a transcript's key can have when two prefixes
/// make it up.
const MAX_TEXT: usize = 2 * super::list::MAX_NAME;

/// Longest name of a maker: a part of a key, and the longest that a pod can have is 253.
const MAX_MAKER: usize = 255;

/// Reads the head of a plan.
///
/// # Errors
/// [`PlanError::Version`] for another layout; [`PlanError::Damaged`] for what no version writes.
pub fn read_plan(bytes: &[u8]) -> Result<Plan, PlanError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u64,
    }
    let damaged = |problem: String| PlanError::Damaged { what: "the plan".to_owned(), problem };
    // A newer layout need not have the other fields.
    let Versioned { version } = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if version != u64::from(VERSION) {
        return Err(PlanError::Version { found: version, known: VERSION });
    }
    let plan: Plan = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    let fits = plan.shards.len() <= MOST_SHARDS && plan.files <= MAX_FILES;
    let files = plan.shards.iter().fold(0, |sum: u64, shard| sum.saturating_add(shard.files));
    let bytes = plan.shards.iter().fold(0, |sum: u64, shard| sum.saturating_add(shard.bytes));
    if !fits {
        return Err(damaged(format!("{} shards, {} recordings", plan.shards.len(), plan.files)));
    }
    if (files, bytes) != (plan.files, plan.bytes) {
        return Err(damaged("the sums of its shards are others than its own".to_owned()));
    }
    if !matches!(plan.maker.len(), 1..=MAX_MAKER) || plan.maker.contains('/') {
        return Err(damaged(format!("the maker is {:?}", plan.maker)));
    }
    Ok(plan)
}

/// Reads a shard.
///
/// # Errors
/// [`PlanError::Damaged`], with the line.
pub fn read_shard(bytes: &[u8]) -> Result<Vec<PlannedFile>, PlanError> {
    let damaged =
        |line: usize, problem: String| PlanError::Damaged { what: format!("a shard, line {line},"), problem };
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let Some(lines) = bytes.strip_suffix(b"\n") else {
        let problem = "its last line has no end".to_owned();
        return Err(PlanError::Damaged { what: "a shard".to_owned(), problem });
    };
    let most = most_files(MAX_FILES as usize);
    let mut files = Vec::new();
    for (line, bytes) in (1..).zip(lines.split(|byte| *byte == b'\n')) {
        if line > most {
            return Err(damaged(line, format!("a shard has at most {most} recordings")));
        }
        let file: PlannedFile =
            serde_json::from_slice(bytes).map_err(|error| damaged(line, error.to_string()))?;
        let texts = [&file.key, &file.target];
        if texts.iter().any(|text| text.is_empty()) {
            return Err(damaged(line, "a name is empty".to_owned()));
        }
        let texts = texts.into_iter().chain(&file.language).chain(&file.id);
        if texts.into_iter().any(|text| text.len() > MAX_TEXT) {
            return Err(damaged(line, format!("a text has more than {MAX_TEXT} bytes")));
        }
        files.push(file);
    }
    Ok(files)
}

/// Reads a shard of a plan, and checks that it is as the plan's head says: all of it, and no other.
///
/// # Errors
/// [`PlanError::Damaged`].
pub fn read_shard_of(plan: &Plan, shard: u32, bytes: &[u8]) -> Result<Vec<PlannedFile>, PlanError> {
    let damaged =
        |problem: &str| PlanError::Damaged { what: format!("shard {shard}"), problem: problem.to_owned() };
    let expected = plan.shards.get(shard as usize).ok_or_else(|| damaged("the plan has no such shard"))?;
    let files = read_shard(bytes)?;
    let size = files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.size));
    if (files.len() as u64, size) == (expected.files, expected.bytes) {
        Ok(files)
    } else {
        Err(damaged("its recordings are not those of the plan"))
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
