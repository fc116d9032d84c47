//! Whether the next engine may load beside the one that it replaces, so that no audio waits. Takes the memory that is
//! left and what an engine takes; gives yes or no.

use super::Decision;
use verbatim_text::bytes;

/// Memory that has to be left for each byte of a loaded engine. While it loads, an engine holds the model's file beside
/// the weights made from it, and the old engine goes on with its files: a quarter more covers what was seen of both.
pub const ROOM: f64 = 1.25;

/// GPU memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpuRoom {
    /// Free now.
    pub available: u64,
    /// In use by an engine when it is ready, as last seen; 0 where that was never seen.
    pub next_engine: u64,
}

/// Whether the next engine may load beside the old one. `available` bytes of host memory are left, the least of what the
/// cgroup and the machine have; `next_engine` bytes are resident in an engine when it is ready, as last seen, or 0 where
/// that was never seen: then there is no overlap. `gpu` is there when engines use one.
pub fn overlap(available: u64, next_engine: u64, gpu: Option<GpuRoom>) -> Decision<bool> {
    let host = fits("memory", available, next_engine);
    match gpu.map(|gpu| fits("GPU memory", gpu.available, gpu.next_engine)) {
        None => host,
        Some(gpu) if host.action && gpu.action => Decision::new(true, format!("{}; {}", host.why, gpu.why)),
        Some(gpu) => {
            if host.action {
                gpu
            } else {
                host
            }
        }
    }
}

fn fits(what: &str, available: u64, next_engine: u64) -> Decision<bool> {
    if next_engine == 0 {
        return Decision::new(false, format!("how much {what} an engine takes is not known yet"));
    }
    let needed = next_engine as f64 * ROOM;
    let fits = available as f64 >= needed;
    // The conversion saturates.
    let (needed, available) = (bytes(needed as u64), bytes(available));
    let verb = if fits { "are left" } else { "are all that is left" };
    Decision::new(fits, format!("an engine that loads needs {needed} of {what}, and {available} {verb}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;

    #[test]
    fn the_next_engine_loads_beside_the_old_one_where_both_fit() {
        let gpu = |available, next_engine| {
            Some(GpuRoom { available: available * MB, next_engine: next_engine * MB })
        };
        for (available, next_engine, gpu, fits) in [
            (500, 400, None, true),
            (499, 400, None, false),
            (u64::MAX / MB, 0, None, false),
            (500, 400, gpu(250, 200), true),
            (500, 400, gpu(249, 200), false),
            (499, 400, gpu(250, 200), false),
            (500, 400, gpu(250, 0), false),
        ] {
            let decision = overlap(available * MB, next_engine * MB, gpu);
            assert_eq!(decision.action, fits, "{available} {next_engine} {gpu:?}: {}", decision.why);
        }
    }

    #[test]
    fn the_reason_names_what_is_short() {
        let gpu = GpuRoom { available: 100 * MB, next_engine: 200 * MB };
        assert_eq!(
            overlap(500 * MB, 400 * MB, Some(gpu)).why,
            "an engine that loads needs 250 MB of GPU memory, and 100 MB are all that is left"
        );
        assert_eq!(
            overlap(500 * MB, 400 * MB, None).why,
            "an engine that loads needs 500 MB of memory, and 500 MB are left"
        );
        assert!(overlap(500 * MB, 0, None).why.contains("not known yet"));
    }
}
