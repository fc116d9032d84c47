//! Any bytes as a recording: an error or audio, but no crash, no hang, no sample that is not a number.

#![no_main]

use std::io::{Seek, Write};

use libfuzzer_sys::fuzz_target;
use verbatim_engine::audio::{AudioLimits, AudioStream};
use verbatim_protocol::task::ChannelMode;

/// Audio after which an input is stopped, in seconds: a few bytes can claim hours of silence, and decoding them finds
/// nothing.
const MAX_SECONDS: f64 = 30.0;

fuzz_target!(
    // The decoder catches panics of the libraries below it and reports a damaged file. libFuzzer's own hook would end
    // the process at the first of them, so it is taken out; what this target finds wrong itself aborts.
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| {
        let mut file = match tempfile::NamedTempFile::new() {
            Ok(file) => file,
            Err(error) => violation(&format!("no temporary file: {error}")),
        };
        if let Err(error) = file.write_all(data).and_then(|()| file.rewind()) {
            violation(&format!("cannot write the temporary file: {error}"));
        }
        // The length decides, so that the input's bytes alone tell what runs.
        let mode = if data.len() % 2 == 0 { ChannelMode::Mix } else { ChannelMode::Split };
        let limits = AudioLimits { max_seconds: Some(MAX_SECONDS) };
        let Ok(mut stream) = AudioStream::open(file.path(), mode, &limits) else { return };
        while let Ok(Some(block)) = stream.next_block() {
            if block.len() != stream.output_channels() {
                violation("a block with another number of channels");
            }
            if block.iter().flatten().any(|sample| !sample.is_finite()) {
                violation("a sample that is not a number");
            }
        }
    }
);

/// Ends the process, so that libFuzzer keeps the input.
fn violation(what: &str) -> ! {
    eprintln!("violation: {what}");
    std::process::abort();
}
