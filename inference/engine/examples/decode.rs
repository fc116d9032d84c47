//! Decodes files to 16 kHz, as the engine does, and prints the processor seconds per hour of audio and the
//! peak of resident memory.
//!
//! usage: cargo run --release --example decode -- FILE...
#![allow(clippy::unwrap_used, reason = "an example may panic")]

use std::path::Path;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use verbatim_engine::audio::{AudioLimits, AudioStream};
use verbatim_protocol::task::ChannelMode;

fn processor_seconds() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6
}

fn main() {
    for name in std::env::args().skip(1) {
        let before = processor_seconds();
        let mut stream =
            AudioStream::open(Path::new(&name), ChannelMode::Mix, &AudioLimits::default()).unwrap();
        while stream.next_block().unwrap().is_some() {}
        let (seconds, spent) = (stream.seconds(), processor_seconds() - before);
        let peak = getrusage(UsageWho::RUSAGE_SELF).unwrap().max_rss();
        println!(
            "{name}: {}, {seconds:.1} s of audio, {:.2} processor seconds an hour, peak {peak} kB, {:?}",
            stream.info().codec,
            spent * 3600.0 / seconds,
            stream.warnings()
        );
    }
}
