//! Segments become the cues of subtitles: what is shown from when to when. Pure.
//!
//! A cue has at most two lines, is shown for at most seven seconds, and never while another is shown. A segment
//! that is too long for one is shared out among several, each shown for its share of the segment's columns.

use crate::output::lines;
use crate::output::lines::Unit;
use verbatim_protocol::transcript::{Segment, Transcript};

/// Longest time that a cue is shown, in milliseconds. The usual limit of subtitling guides.
pub const MAX_MILLISECONDS: u64 = 7_000;

/// A cue is shown for at least so long where there is room, in milliseconds: 20 frames of film, below which an eye
/// has no time to read. The usual limit of subtitling guides.
pub const MIN_MILLISECONDS: u64 = 833;

/// Later times are taken for this one, in milliseconds: the last that subtitles with two digits for hours can say.
const LATEST: u64 = 359_999_999;

/// What is shown from when to when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cue {
    /// First millisecond in which it is shown.
    pub start: u64,
    /// First millisecond in which it is not shown any more; later than `start`.
    pub end: u64,
    /// Channel of the recording, from 0, where channels were transcribed alone.
    pub channel: Option<u16>,
    /// One or two lines, none empty.
    pub lines: Vec<String>,
}

/// How a channel is called in cues: counted from 1, as people do.
pub fn channel_name(channel: u16) -> String {
    format!("Channel {}", u32::from(channel) + 1)
}

/// The cues of a transcript, by time, none overlapping another. A transcript without text has none.
pub fn cues(transcript: &Transcript) -> Vec<Cue> {
    let mut cues: Vec<Cue> = transcript
        .segments
        .iter()
        .flat_map(|segment| segment_cues(segment, transcript.channel_label(segment)))
        .collect();
    // Stable: what begins together keeps its order.
    cues.sort_by_key(|cue| cue.start);
    take_turns(&mut cues, milliseconds(transcript.duration));
    cues
}

/// Shares a segment out among cues; their times may still collide with those of other segments.
fn segment_cues(segment: &Segment, channel: Option<u16>) -> Vec<Cue> {
    let start = milliseconds(segment.start);
    let length = milliseconds(segment.end).saturating_sub(start);
    // ": " as SRT has it between the name and the text; in WebVTT the name is not shown in the line.
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

/// Cuts units into as few parts as each fit a cue, and as equal as those can be.
fn partition(units: &[Unit], indent: usize, length: u64) -> Vec<&[Unit]> {
    let total: usize = units.iter().map(|unit| unit.width).sum();
    // Columns that are spoken in the longest time that a cue is shown.
    let most = if length > MAX_MILLISECONDS {
        (total as u64 * MAX_MILLISECONDS / length).max(1) as usize
    } else {
        total
    };
    let fewest = fill(units, indent, most).len();
    // The smallest share with which no more parts are needed.
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = (low + high) / 2;
        if fill(units, indent, middle).len() <= fewest { high = middle } else { low = middle + 1 }
    }
    fill(units, indent, high)
}

/// Fills parts one after the other: each takes units while it fits two lines and has at most `most` columns, and
/// at least one unit.
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
            // A cue that ends with a clause reads better, and is worth a quarter of its length.
            let clauses = (taken - taken / 4..=taken).rev();
            taken = clauses.into_iter().find(|end| lines::ends_clause(&rest[end - 1])).unwrap_or(taken);
        }
        let (part, after) = rest.split_at(taken);
        parts.push(part);
        rest = after;
    }
    parts
}

/// Gives every cue a time of its own: an earlier cue makes way for the next, but is shown for the least time first.
fn take_turns(cues: &mut [Cue], audio_end: u64) {
    let starts: Vec<u64> = cues.iter().map(|cue| cue.start).collect();
    let mut free = 0;
    for (position, cue) in cues.iter_mut().enumerate() {
        let spoken = cue.end.saturating_sub(cue.start);
        cue.start = cue.start.max(free);
        // What is spoken at the same time as another has to be read as well: it gets this much in any case.
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

/// Seconds as whole milliseconds; nothing before the beginning.
fn milliseconds(seconds: f64) -> u64 {
    // The conversion saturates, and takes what is not a number as 0.
    ((seconds * 1000.0).round() as u64).min(LATEST)
}
