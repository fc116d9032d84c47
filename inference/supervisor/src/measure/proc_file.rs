//! Files of `/proc` and cgroups: lines such as `Name: number kB` and `name number`.
//!
//! The parser is tolerant: an engine chooses its own name, which `/proc/PID/status` contains, in any bytes;
//! and sandboxes such as gVisor or lxcfs omit most lines.

use std::fs;
use std::path::Path;

/// Text of a file, with invalid UTF-8 replaced; none if it cannot be read.
pub(super) fn read(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Bytes of a line such as `VmRSS:     1234 kB`; `name` includes the colon. The kernel's kB are 1024 bytes.
pub(super) fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Number of a line such as `oom_kill 3` or `Threads: 3`; `name` excludes the blank.
pub(super) fn number(text: &str, name: &str) -> Option<u64> {
    let mut rests = text.lines().filter_map(|line| line.strip_prefix(name));
    rests.find(|rest| rest.starts_with(char::is_whitespace))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_parsed() {
        let status = "Name:\tVmRSS: 1 kB\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\nThreads:\t7\n";
        assert_eq!(kilobytes(status, "VmRSS:"), Some(1 << 20));
        assert_eq!(kilobytes(status, "VmHWM:"), Some(2 << 20));
        assert_eq!(kilobytes(status, "VmSwap:"), None);
        assert_eq!(number(status, "Threads:"), Some(7));
        let events = "low 0\noom 4\noom_kill 3\noom_group_kill 1\n";
        assert_eq!(number(events, "oom_kill"), Some(3));
        assert_eq!(number(events, "oom"), Some(4));
        assert_eq!(number(events, "max"), None);
    }

    #[test]
    fn invalid_utf8_does_not_hide_other_lines() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("status");
        fs::write(&file, b"Name:\t\xff\xfe\nVmRSS:\t  1024 kB\n").unwrap();
        assert_eq!(kilobytes(&read(&file).unwrap(), "VmRSS:"), Some(1 << 20));
        assert_eq!(read(&folder.path().join("none")), None);
    }
}
