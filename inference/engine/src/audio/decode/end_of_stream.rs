//! End of a file: complete, cut off, damaged, or changed while it was read.

use verbatim_ffmpeg::Error;

use crate::audio::decode::source::{OpenFile, ReadLog};
use crate::audio::error::AudioError;

/// Tolerance for the length in a header, as a part of it. Bounded by 0.1 s and 1 s.
const LENGTH_TOLERANCE: f64 = 0.01;

/// Damage that ended the demuxer with `cause`, if it did not end regularly. `decoded`: seconds decoded so
/// far.
///
/// # Errors
/// The file itself failed or changed.
pub(super) fn damage(
    cause: Option<&Error>,
    file: &OpenFile,
    log: &ReadLog,
    decoded: f64,
) -> Result<Option<String>, AudioError> {
    if let Some(source) = log.take_error() {
        return Err(AudioError::from_io(source, Some(decoded)));
    }
    if log.ended_early() || file.changed() {
        return Err(AudioError::SourceChanged { position: decoded });
    }
    Ok(cause.map(|cause| match cause {
        _ if log.budget_exceeded() => "its index loops".to_owned(),
        error if error.is_end() => "it is cut in the middle".to_owned(),
        error => error.to_string(),
    }))
}

/// Warnings at the end of a file about packets that could not be decoded, about bytes skipped between frames, about gaps (their number and
/// seconds), and about audio shorter than `promised` seconds.
pub(super) fn warnings(
    bad_packets: u64,
    skipped: u64,
    gaps: (u32, f64),
    promised: Option<f64>,
    decoded: f64,
) -> Vec<String> {
    let mut warnings = Vec::new();
    match bad_packets {
        0 => {}
        1 => warnings.push("1 packet could not be decoded".to_owned()),
        n => warnings.push(format!("{n} packets could not be decoded")),
    }
    match skipped {
        0 => {}
        bytes => warnings.push(format!("{} of damage were skipped", verbatim_text::bytes(bytes))),
    }
    match gaps {
        (0, _) => {}
        (1, seconds) => warnings.push(format!("{seconds:.1} s of audio are missing")),
        (n, seconds) => warnings.push(format!("{seconds:.1} s of audio are missing, in {n} places")),
    }
    if let Some(promised) = promised {
        let tolerance = (promised * LENGTH_TOLERANCE).clamp(0.1, 1.0);
        if decoded > 0.0 && decoded + tolerance < promised {
            warnings.push(format!(
                "cut in the middle: the header promises {promised:.1} s, {decoded:.1} s could be decoded"
            ));
        }
    }
    warnings
}
