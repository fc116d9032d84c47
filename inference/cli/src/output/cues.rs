//! Cues of subtitles, from segments. Pure.
//!
//! A cue has at most two lines, is shown for at most seven seconds, and never together with another. A
//! segment that is too long for one cue is split into several; each is shown in proportion to its columns.

use crate::output::lines;
use crate::output::lines::Unit;
use verbatim_protocol::transcript::{Segment, Transcript};

/// Longest duration of a cue, in milliseconds: the usual limit of subtitling guides.
pub const MAX_MILLISECONDS: u64 = 7_000;

/// Shortest duration of a cue where there is room, in milliseconds: 20 frames of film, the usual limit of
/// subtitling guides. Nobody reads faster.
pub const MIN_MILLISECONDS: u64 = 833;

/// Latest time, in milliseconds: the last one with two digits for hours. Later times are clamped to it.
const LATEST: u64 = 359_999_999;

/// Text with the interval in which it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cue {
    /// First millisecond in which it is shown.
    pub start: u64,
    /// First millisecond in which it is no longer shown; later than `start`.
    pub end: u64,
    /// Channel of the recording, from 0, where channels were transcribed separately.
    pub channel: Option<u16>,
    /// One or two lines that are not empty.
    pub lines: Vec<String>,
}

/// Name of a channel in cues, counted from 1.
pub fn channel_name(channel: u16) -> String {
    format!("Channel {}", u32::from(channel) + 1)
}

/// The cues of a transcript by time, without overlaps. A transcript without text has none.
pub fn cues(transcript: &Transcript) -> Vec<Cue> {
    let mut cues: Vec<Cue> = transcript
        .segments
        .iter()
        .flat_map(|segment| segment_cues(segment, transcript.channel_label(segment)))
        .collect();
    // Stable: cues that begin together keep their order.
    cues.sort_by_key(|cue| cue.start);
    resolve_overlaps(&mut cues, milliseconds(transcript.duration));
    cues
}

/// Splits a segment into cues, which may still overlap with those of other segments.
fn segment_cues(segment: &Segment, channel: Option<u16>) -> Vec<Cue> {
    let start = milliseconds(segment.start);
    let length = milliseconds(segment.end).saturating_sub(start);
    // SRT has ": " between the name and the text; WebVTT does not show the name in the line.
    let indent = channel.map_or(0, |channel| channel_name(channel).len() + 2);
    let units = lines::units(&segment.text, lines::MAX_COLUMNS.saturating_sub(indent));
    let total: usize = units.iter().map(|unit| unit.width).sum();
    let mut cues = Vec::new();
    let mut before = 0;
    for part in partition(&units, indent, length) {
        let columns: usize = part.iter().map(|unit| unit.width).sum();
        let at = |columns: usize| start + length * columns as u64 / total.max(1) as u64;
        if let Some(lines) = lines::lay_out(part, indent) {
            cues.push(Cue { start: at(before), end: at(before + columns), channel, lines });
        }
        before += columns;
    }
    cues
}

/// Splits units into the fewest parts that each fit a cue, of sizes as equal as possible.
fn partition(units: &[Unit], indent: usize, length: u64) -> Vec<&[Unit]> {
    let total: usize = units.iter().map(|unit| unit.width).sum();
    // Columns spoken within the longest duration of a cue.
    let most = if length > MAX_MILLISECONDS {
        (total as u64 * MAX_MILLISECONDS / length).max(1) as usize
    } else {
        total
    };
    let fewest = fill(units, indent, most).len();
    // The smallest limit that needs no more parts.
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = (low + high) / 2;
        if fill(units, indent, middle).len() <= fewest { high = middle } else { low = middle + 1 }
    }
    fill(units, indent, high)
}

/// Fills one part after the other with units while they fit two lines and `most` columns, with at least one
/// unit each.
fn fill(units: &[Unit], indent: usize, most: usize) -> Vec<&[Unit]> {
    let mut parts = Vec::new();
    let mut rest = units;
    while !rest.is_empty() {
        let mut taken = 1;
        let mut columns = rest[0].width;
        while let Some(unit) = rest.get(taken) {
            columns += unit.width;
            if columns > most || lines::lay_out(&rest[..=taken], indent).is_none() {
                break;
            }
            taken += 1;
        }
        if taken < rest.len() {
            // A cue reads better if it ends with a clause: that is worth a quarter of its length.
            let clauses = (taken - taken / 4..=taken).rev();
            taken = clauses.into_iter().find(|end| lines::ends_clause(&rest[end - 1])).unwrap_or(taken);
        }
        let (part, after) = rest.split_at(taken);
        parts.push(part);
        rest = after;
    }
    parts
}

/// Resolves overlaps: a cue ends when the next one begins, but not before its shortest duration.
fn resolve_overlaps(cues: &mut [Cue], audio_end: u64) {
    let starts: Vec<u64> = cues.iter().map(|cue| cue.start).collect();
    let mut free = 0;
    for (position, cue) in cues.iter_mut().enumerate() {
        let spoken = cue.end.saturating_sub(cue.start);
        cue.start = cue.start.max(free);
        // Speech at the same time as other speech has to be read as well: it gets this much in any case.
        let least = cue.start + spoken.clamp(1, MIN_MILLISECONDS);
        let wanted = cue.end.max(least);
        let next = starts.get(position + 1).copied();
        cue.end = match next {
            Some(next) if wanted > next => next.max(least),
            _ => wanted.max((cue.start + MIN_MILLISECONDS).min(next.unwrap_or(audio_end))),
        };
        cue.end = cue.end.min(cue.start + MAX_MILLISECONDS);
        free = cue.end;
    }
}

/// Seconds as whole milliseconds, clamped to the valid range.
fn milliseconds(seconds: f64) -> u64 {
    // The conversion saturates, and converts NaN to 0.
    ((seconds * 1000.0).round() as u64).min(LATEST)
}
