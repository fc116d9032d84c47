//! A transcript as the bytes of each format. Pure.

use std::fmt::Write;

use crate::output::cues::{Cue, channel_name, cues};
use crate::output::format::Format;
use crate::output::lines;
use verbatim_protocol::transcript::Transcript;

/// Why a transcript has no JSON: a number that JSON cannot say.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the transcript as JSON")]
pub struct RenderError(#[from] serde_json::Error);

/// The transcript as the bytes of a file.
///
/// # Errors
/// [`RenderError`], of JSON only.
pub fn render(transcript: &Transcript, format: Format) -> Result<Vec<u8>, RenderError> {
    match format {
        Format::Json => json(transcript),
        Format::Srt => Ok(srt(transcript).into_bytes()),
        Format::Vtt => Ok(vtt(transcript).into_bytes()),
        Format::Txt => Ok(txt(transcript).into_bytes()),
    }
}

fn json(transcript: &Transcript) -> Result<Vec<u8>, RenderError> {
    let mut bytes = serde_json::to_vec_pretty(transcript)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// SubRip: numbered cues. There is no escape for an arrow, which parsers would take as a cue's times, so it gets
/// shorter; a channel is named in the text.
fn srt(transcript: &Transcript) -> String {
    let mut text = String::new();
    for (position, cue) in cues(transcript).iter().enumerate() {
        let name = cue.channel.map(|channel| channel_name(channel) + ": ").unwrap_or_default();
        let lines = cue.lines.join("\n").replace("-->", "->");
        // Writing to a string does not fail.
        let _ = write!(text, "{}\n{}\n{name}{lines}\n\n", position + 1, times(cue, ','));
    }
    text
}

/// WebVTT: a header, then cues; `&`, `<` and `>` are escaped, a channel is the cue's voice.
fn vtt(transcript: &Transcript) -> String {
    let mut text = String::from("WEBVTT\n\n");
    for cue in cues(transcript) {
        let voice = cue.channel.map(|channel| format!("<v {}>", channel_name(channel))).unwrap_or_default();
        let lines = cue.lines.join("\n").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        // Writing to a string does not fail.
        let _ = write!(text, "{}\n{voice}{lines}\n\n", times(&cue, '.'));
    }
    text
}

/// The text, a line for each segment.
fn txt(transcript: &Transcript) -> String {
    let mut text = String::new();
    for segment in &transcript.segments {
        let line = lines::join(&lines::units(&segment.text, usize::MAX));
        if line.is_empty() {
            continue;
        }
        if let Some(channel) = transcript.channel_label(segment) {
            text.push_str(&channel_name(channel));
            text.push_str(": ");
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn times(cue: &Cue, point: char) -> String {
    format!("{} --> {}", time(cue.start, point), time(cue.end, point))
}

/// `hh:mm:ss` and milliseconds after `point`.
fn time(milliseconds: u64, point: char) -> String {
    let seconds = milliseconds / 1000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}{point}{:03}", seconds % 60, milliseconds % 1000)
}
