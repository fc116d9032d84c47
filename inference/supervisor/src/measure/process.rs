//! One process, by its folder below `/proc`. A process that is gone, or is but waited for, gives none.

use std::fs;
use std::path::Path;

use procfs::FromRead;
use procfs::process::Stat;

use super::{Process, text};

/// Everything but [`Process::proportional`].
pub(super) fn read(proc: &Path, pid: u32) -> Option<Process> {
    let folder = proc.join(pid.to_string());
    let status = text::read(&folder.join("status"))?;
    // Without the line it is a zombie, or a thread of the kernel.
    let resident = text::kilobytes(&status, "VmRSS:")?;
    let stat = Stat::from_file(folder.join("stat")).ok()?;
    Some(Process {
        pid,
        resident,
        peak_resident: text::kilobytes(&status, "VmHWM:").unwrap_or(resident),
        proportional: None,
        anonymous: text::kilobytes(&status, "RssAnon:").unwrap_or(0),
        swapped: text::kilobytes(&status, "VmSwap:").unwrap_or(0),
        cpu_seconds: (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64,
        threads: text::number(&status, "Threads:").unwrap_or(0),
        open_files: fs::read_dir(folder.join("fd")).map_or(0, |files| files.count() as u64),
    })
}

/// Resident memory in bytes, at the least cost: one short line.
pub(super) fn resident(proc: &Path, pid: u32) -> Option<u64> {
    let statm = text::read(&proc.join(pid.to_string()).join("statm"))?;
    let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    // A zombie has none.
    (pages > 0).then(|| pages * procfs::page_size())
}

/// Resident memory in bytes, shared pages divided by those who share them. The kernel walks all page tables for it.
pub(super) fn proportional(proc: &Path, pid: u32) -> Option<u64> {
    text::kilobytes(&text::read(&proc.join(pid.to_string()).join("smaps_rollup"))?, "Pss:")
}

/// When this process started, in seconds since 1970.
pub fn started() -> Option<f64> {
    let stat = Stat::from_file("/proc/self/stat").ok()?;
    let booted = procfs::boot_time_secs().ok()?;
    Some(booted as f64 + stat.starttime as f64 / procfs::ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::*;

    const PROC: &str = "/proc";

    #[test]
    fn this_process_is_measured() {
        let proc = Path::new(PROC);
        let pid = std::process::id();
        let process = read(proc, pid).unwrap();
        assert_eq!(process.pid, pid);
        assert!(process.resident > 1 << 20 && process.peak_resident >= process.resident, "{process:?}");
        assert!(process.anonymous > 0 && process.anonymous < process.resident, "{process:?}");
        assert!(process.threads >= 1 && process.open_files >= 3, "{process:?}");
        let quick = resident(proc, pid).unwrap();
        assert!(quick.abs_diff(process.resident) < 64 << 20, "{quick} {process:?}");
        let shared = proportional(proc, pid).unwrap();
        assert!(shared > 0 && shared < quick + (64 << 20), "{shared}");
        let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() - started().unwrap();
        assert!((-2.0..86_400.0).contains(&age), "{age}");
    }

    #[test]
    fn a_process_that_has_ended_is_none_before_and_after_it_is_waited_for() {
        let proc = Path::new(PROC);
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        assert!(read(proc, pid).is_some() && resident(proc, pid).is_some());
        drop(child.stdin.take());
        // A zombie until it is waited for.
        let zombie =
            || text::read(&proc.join(format!("{pid}/stat"))).is_some_and(|stat| stat.contains(") Z "));
        while !zombie() {
            std::thread::yield_now();
        }
        assert_eq!((read(proc, pid), resident(proc, pid), proportional(proc, pid)), (None, None, None));
        child.wait().unwrap();
        assert_eq!((read(proc, pid), resident(proc, pid), proportional(proc, pid)), (None, None, None));
    }

    #[test]
    fn time_on_the_processor_counts() {
        let proc = Path::new(PROC);
        let before = read(proc, std::process::id()).unwrap().cpu_seconds;
        let begun = std::time::Instant::now();
        while read(proc, std::process::id()).unwrap().cpu_seconds <= before {
            assert!(begun.elapsed() < Duration::from_secs(10), "the clock stands still");
        }
    }

    #[test]
    fn a_sandbox_that_tells_little_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let process = folder.path().join("7");
        fs::create_dir(&process).unwrap();
        // As gVisor writes it.
        fs::write(
            process.join("status"),
            "Name:\tverbatim\nState:\tR\nVmSize:\t99 kB\nVmRSS:\t 40 kB\nThreads:\t3\n",
        )
        .unwrap();
        fs::write(process.join("stat"), format!("7 (ver) b) R 1{}\n", " 0".repeat(48))).unwrap();
        fs::write(process.join("statm"), "99 10 5 0 0 0 0\n").unwrap();
        let got = read(folder.path(), 7).unwrap();
        assert_eq!(
            (got.resident, got.peak_resident, got.threads, got.open_files),
            (40 << 10, 40 << 10, 3, 0)
        );
        assert_eq!(resident(folder.path(), 7), Some(10 * procfs::page_size()));
        assert_eq!(proportional(folder.path(), 7), None);
    }
}
