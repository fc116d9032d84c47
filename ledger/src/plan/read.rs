//! Parsers of plans and shards. The input may be hostile: others may be able to write to the bucket.

use serde::Deserialize;

use super::error::PlanError;
use super::head::{MAX_FILES, Plan, VERSION};
use super::planned_file::PlannedFile;
use super::shard::{MAX_SHARDS, max_files};

/// Longest name or ID in a plan, in bytes: twice the longest path, because two prefixes may make up the key
/// of a transcript.
const MAX_TEXT: usize = 2 * super::list::MAX_NAME;

/// Longest name of a maker, in bytes: it is a part of a key, and names of pods have 253 bytes at most.
const MAX_MAKER: usize = 255;

/// Parses the head of a plan.
///
/// # Errors
/// [`PlanError::Version`] for another version; [`PlanError::Damaged`] for anything that no version writes.
pub fn read_plan(bytes: &[u8]) -> Result<Plan, PlanError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u64,
    }
    let damaged = |problem: String| PlanError::Damaged { what: "the plan".to_owned(), problem };
    // A newer version may lack the other fields.
    let Versioned { version } = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if version != u64::from(VERSION) {
        return Err(PlanError::Version { found: version, known: VERSION });
    }
    let plan: Plan = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    let fits = plan.shards.len() <= MAX_SHARDS && plan.files <= MAX_FILES;
    let files = plan.shards.iter().fold(0, |sum: u64, shard| sum.saturating_add(shard.files));
    let bytes = plan.shards.iter().fold(0, |sum: u64, shard| sum.saturating_add(shard.bytes));
    if !fits {
        return Err(damaged(format!("{} shards, {} recordings", plan.shards.len(), plan.files)));
    }
    if (files, bytes) != (plan.files, plan.bytes) {
        return Err(damaged("its sums differ from those of its shards".to_owned()));
    }
    if !matches!(plan.maker.len(), 1..=MAX_MAKER) || plan.maker.contains('/') {
        return Err(damaged(format!("the maker is {:?}", plan.maker)));
    }
    Ok(plan)
}

/// Parses a shard.
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
        let problem = "its last line is incomplete".to_owned();
        return Err(PlanError::Damaged { what: "a shard".to_owned(), problem });
    };
    let most = max_files(MAX_FILES as usize);
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

/// Parses a shard of a plan, and checks that its size is the one in the plan's head.
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
mod tests;
