//! Overlap of engines: whether the next one may load beside the one that it replaces, so that no audio waits.
//! Takes the available memory and that of a ready engine; gives yes or no.

use crate::decide::Decision;
use verbatim_text::bytes;

/// Memory that has to be available per byte of a ready engine. While it loads, an engine holds the file of
/// the model beside the weights made from it, and the old engine continues with its files: a quarter more
/// covers what was observed of both.
pub const HEADROOM: f64 = 1.25;

/// GPU memory for the next engine, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpuHeadroom {
    /// Available now.
    pub available: u64,
    /// In use by a ready engine, as last measured; 0 where unknown.
    pub next_engine: u64,
}

/// Whether the next engine may load beside the old one. `available` is the host memory left in cgroup and
/// machine, in bytes; `next_engine` is the resident memory of a ready engine, as last measured, or 0 where
/// unknown, which means no overlap. `gpu` is set when engines use a GPU.
pub fn overlap(available: u64, next_engine: u64, gpu: Option<GpuHeadroom>) -> Decision<bool> {
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
        return Decision::new(false, format!("the {what} of an engine is not known yet"));
    }
    let needed = next_engine as f64 * HEADROOM;
    let fits = available as f64 >= needed;
    // The conversion saturates.
    let (needed, available) = (bytes(needed as u64), bytes(available));
    let only = if fits { "" } else { "only " };
    Decision::new(
        fits,
        format!("loading an engine needs {needed} of {what}, and {only}{available} are available"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;

    #[test]
    fn engines_overlap_where_both_fit() {
        let gpu = |available, next_engine| {
            Some(GpuHeadroom { available: available * MB, next_engine: next_engine * MB })
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
    fn the_reason_names_the_scarce_memory() {
        let gpu = GpuHeadroom { available: 100 * MB, next_engine: 200 * MB };
        assert_eq!(
            overlap(500 * MB, 400 * MB, Some(gpu)).why,
            "loading an engine needs 250 MB of GPU memory, and only 100 MB are available"
        );
        assert_eq!(
            overlap(500 * MB, 400 * MB, None).why,
            "loading an engine needs 500 MB of memory, and 500 MB are available"
        );
        assert!(overlap(500 * MB, 0, None).why.contains("not known yet"));
    }
}
