//! Memory of the machine, from `/proc/meminfo`.

use std::path::Path;

use crate::measure::proc_file;
use crate::measure::snapshot::Machine;

/// Total memory, and memory available without swapping; 0 where the kernel does not provide them.
pub(super) fn read(proc: &Path) -> Machine {
    parse(&proc_file::read(&proc.join("meminfo")).unwrap_or_default())
}

fn parse(meminfo: &str) -> Machine {
    let get = |name| proc_file::kilobytes(meminfo, name).unwrap_or(0);
    // The kernel's estimate is missing before Linux 3.14 and in some sandboxes.
    let available = proc_file::kilobytes(meminfo, "MemAvailable:");
    Machine {
        total: get("MemTotal:"),
        available: available.unwrap_or_else(|| get("MemFree:") + get("Cached:")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_read_or_estimated() {
        let complete =
            "MemTotal:  100 kB\nMemFree:  10 kB\nMemAvailable:  60 kB\nCached:  40 kB\nSwapCached: 9 kB\n";
        assert_eq!(parse(complete), Machine { total: 100 << 10, available: 60 << 10 });
        let incomplete = complete.replace("MemAvailable", "Other");
        assert_eq!(parse(&incomplete), Machine { total: 100 << 10, available: 50 << 10 });
        let real = read(Path::new("/proc"));
        assert!(real.available > 0 && real.total > real.available, "{real:?}");
    }
}
