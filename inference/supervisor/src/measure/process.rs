//! Resources of one process, from `/proc/PID`. A process that has exited, waited for or not, gives none.

use std::fs;
use std::path::Path;

use procfs::FromRead;
use procfs::process::Stat;

use crate::measure::proc_file;
use crate::measure::snapshot::Process;

/// All resources except [`Process::proportional`].
pub(super) fn read(proc: &Path, pid: u32) -> Option<Process> {
    let folder = proc.join(pid.to_string());
    let status = proc_file::read(&folder.join("status"))?;
    // Zombies and kernel threads have no such line.
    let resident = proc_file::kilobytes(&status, "VmRSS:")?;
    let stat = Stat::from_file(folder.join("stat")).ok()?;
    Some(Process {
        pid,
        resident,
        peak_resident: proc_file::kilobytes(&status, "VmHWM:").unwrap_or(resident),
        proportional: None,
        anonymous: proc_file::kilobytes(&status, "RssAnon:").unwrap_or(0),
        swapped: proc_file::kilobytes(&status, "VmSwap:").unwrap_or(0),
        cpu_seconds: (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64,
        threads: proc_file::number(&status, "Threads:").unwrap_or(0),
        open_files: fs::read_dir(folder.join("fd")).map_or(0, |files| files.count() as u64),
    })
}

/// Resident memory in bytes, from one short line.
pub(super) fn resident(proc: &Path, pid: u32) -> Option<u64> {
    let statm = proc_file::read(&proc.join(pid.to_string()).join("statm"))?;
    let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    // Zombies have none.
    (pages > 0).then(|| pages * procfs::page_size())
}

/// Proportional set size, in bytes. The kernel walks all page tables for it.
pub(super) fn proportional(proc: &Path, pid: u32) -> Option<u64> {
    proc_file::kilobytes(&proc_file::read(&proc.join(pid.to_string()).join("smaps_rollup"))?, "Pss:")
}

/// Resources of this process except [`Process::proportional`].
pub fn own_process() -> Option<Process> {
    read(Path::new("/proc"), std::process::id())
}

/// Start time of this process, in seconds since 1970.
pub fn start_time() -> Option<f64> {
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
        let process = own_process().unwrap();
        assert_eq!(process.pid, pid);
        assert!(process.resident > 1 << 20 && process.peak_resident >= process.resident, "{process:?}");
        assert!(process.anonymous > 0 && process.anonymous < process.resident, "{process:?}");
        assert!(process.threads >= 1 && process.open_files >= 3, "{process:?}");
        let quick = resident(proc, pid).unwrap();
        assert!(quick.abs_diff(process.resident) < 64 << 20, "{quick} {process:?}");
        let shared = proportional(proc, pid).unwrap();
        assert!(shared > 0 && shared < quick + (64 << 20), "{shared}");
        let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() - start_time().unwrap();
        assert!((-2.0..86_400.0).contains(&age), "{age}");
    }

    #[test]
    fn an_exited_process_gives_none_before_and_after_the_wait() {
        let proc = Path::new(PROC);
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        assert!(read(proc, pid).is_some() && resident(proc, pid).is_some());
        drop(child.stdin.take());
        // A zombie until the wait.
        let zombie =
            || proc_file::read(&proc.join(format!("{pid}/stat"))).is_some_and(|stat| stat.contains(") Z "));
        while !zombie() {
            std::thread::yield_now();
        }
        assert_eq!((read(proc, pid), resident(proc, pid), proportional(proc, pid)), (None, None, None));
        child.wait().unwrap();
        assert_eq!((read(proc, pid), resident(proc, pid), proportional(proc, pid)), (None, None, None));
    }

    #[test]
    fn cpu_time_increases() {
        let proc = Path::new(PROC);
        let before = read(proc, std::process::id()).unwrap().cpu_seconds;
        let begun = std::time::Instant::now();
        while read(proc, std::process::id()).unwrap().cpu_seconds <= before {
            assert!(begun.elapsed() < Duration::from_secs(10), "CPU time does not increase");
        }
    }

    #[test]
    fn a_sandbox_with_few_lines_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let process = folder.path().join("7");
        fs::create_dir(&process).unwrap();
        // The lines of gVisor.
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
