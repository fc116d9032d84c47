//! The machine's memory, from `/proc/meminfo`.

use std::path::Path;

use super::{Machine, text};

/// All memory and what could be had without swapping; zeros where the kernel does not tell.
pub(super) fn read(proc: &Path) -> Machine {
    parse(&text::read(&proc.join("meminfo")).unwrap_or_default())
}

fn parse(meminfo: &str) -> Machine {
    let get = |name| text::kilobytes(meminfo, name).unwrap_or(0);
    // Before Linux 3.14, and in some sandboxes, the kernel's own estimate is missing.
    let available = text::kilobytes(meminfo, "MemAvailable:");
    Machine {
        total: get("MemTotal:"),
        available: available.unwrap_or_else(|| get("MemFree:") + get("Cached:")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_is_told_or_estimated() {
        let told =
            "MemTotal:  100 kB\nMemFree:  10 kB\nMemAvailable:  60 kB\nCached:  40 kB\nSwapCached: 9 kB\n";
        assert_eq!(parse(told), Machine { total: 100 << 10, available: 60 << 10 });
        let untold = told.replace("MemAvailable", "Other");
        assert_eq!(parse(&untold), Machine { total: 100 << 10, available: 50 << 10 });
        let real = read(Path::new("/proc"));
        assert!(real.available > 0 && real.total > real.available, "{real:?}");
    }
}
