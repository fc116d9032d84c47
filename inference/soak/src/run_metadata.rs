//! Hardware, software and configuration of a soak.

use std::fs;

use crate::record::RunMetadata;
use crate::units::timestamp;
use verbatim_protocol::transcriber::Transcriber;
use verbatim_supervisor::supervisor::Supervisor;

/// Metadata known at the start of a soak. The caller fills in the rest: files and faults, and results at the
/// end.
pub fn collect(test_id: &str, engine: &Supervisor, seed: u64) -> RunMetadata {
    let model = engine.model();
    let (soft, hard) = engine.memory_limits();
    RunMetadata {
        test_id: test_id.to_owned(),
        started: timestamp(),
        wall_seconds: 0.0,
        command: std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        engine: engine.describe(),
        model: format!("{} {}", model.name, model.digest),
        processor: processor(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
        processors: std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
        memory_bytes: engine.machine_memory(),
        kernel: kernel(),
        files: Vec::new(),
        rounds: 0,
        memory_soft_limit_bytes: soft,
        memory_hard_limit_bytes: hard,
        faults: Vec::new(),
        seed,
        interrupted: false,
        unanswered: 0,
        supervisor_peak_bytes: 0,
    }
}

/// Name of the CPU as x86 reports it; otherwise the architecture.
fn processor(cpuinfo: &str) -> String {
    let name = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

fn kernel() -> String {
    let read = |name: &str| fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
    let release = read("osrelease");
    // The part after the first dash names the builder.
    format!("{} {}", read("ostype").trim(), release.trim().split('-').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_name_or_architecture() {
        assert_eq!(processor("processor\t: 0\nmodel name\t: AMD EPYC\nflags\t: a\n"), "AMD EPYC");
        assert_eq!(processor(""), std::env::consts::ARCH);
    }
}
