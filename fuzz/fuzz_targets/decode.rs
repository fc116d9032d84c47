//! Decodes arbitrary bytes as a recording. Errors and audio are fine; crashes, hangs and
//! non-finite samples are not.

#![no_main]

use std::io::{Seek, Write};

use libfuzzer_sys::fuzz_target;
use verbatim_engine::audio::{AudioLimits, AudioStream};
use verbatim_protocol::task::ChannelMode;

/// Maximum audio per input, in seconds. A few bytes can claim hours of silence, in which
/// nothing is found.
const MAX_SECONDS: f64 = 30.0;

fuzz_target!(
    // The decoder catches panics of its libraries and reports a damaged file. libFuzzer's panic hook would
    // end the process at the first one, and is therefore removed; this target aborts on its own findings.
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| {
        let mut file = match tempfile::NamedTempFile::new() {
            Ok(file) => file,
            Err(error) => violation(&format!("failed to create a temporary file: {error}")),
        };
        if let Err(error) = file.write_all(data).and_then(|()| file.rewind()) {
            violation(&format!("failed to write the temporary file: {error}"));
        }
        // Chosen by the length, so that an input alone reproduces its run.
        let mode = if data.len() % 2 == 0 { ChannelMode::Mix } else { ChannelMode::Split };
        let limits = AudioLimits { max_seconds: Some(MAX_SECONDS) };
        let Ok(mut stream) = AudioStream::open(file.path(), mode, &limits) else { return };
        while let Ok(Some(block)) = stream.next_block() {
            if block.len() != stream.output_channels() {
                violation("block with a wrong number of channels");
            }
            if block.iter().flatten().any(|sample| !sample.is_finite()) {
                violation("non-finite sample");
            }
        }
    }
);

/// Aborts the process, so that libFuzzer keeps the input.
fn violation(message: &str) -> ! {
    eprintln!("violation: {message}");
    std::process::abort();
}
