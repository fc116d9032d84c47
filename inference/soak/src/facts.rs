//! What a soak ran on.

use std::fs;

use super::record::RunFacts;
use super::recorder::now;
use verbatim_protocol::transcriber::Transcriber;
use verbatim_supervisor::supervisor::Supervisor;

/// What is known when a soak begins; the rest is filled in at its end.
pub fn facts(test_id: &str, engine: &Supervisor, seed: u64) -> RunFacts {
    let model = engine.model();
    let (soft, hard) = engine.memory_limits();
    RunFacts {
        test_id: test_id.to_owned(),
        started: now(),
        wall_seconds: 0.0,
        command: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
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

/// The processor's name, as x86 has it; where there is none, the architecture's.
fn processor(cpuinfo: &str) -> String {
    let name = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

fn kernel() -> String {
    let read = |name: &str| fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
    let release = read("osrelease");
    // What is behind the first dash is the builder's business.
    format!("{} {}", read("ostype").trim(), release.trim().split('-').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_by_name() {
        assert_eq!(processor("processor\t: 0\nmodel name\t: AMD EPYC\nflags\t: a\n"), "AMD EPYC");
        assert_eq!(processor(""), std::env::consts::ARCH);
    }
}
