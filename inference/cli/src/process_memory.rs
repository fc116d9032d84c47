//! Memory of this process, from `/proc/self/status`.

/// Current resident memory in bytes; none where the kernel does not report it.
pub fn resident() -> Option<u64> {
    field("VmRSS:")
}

/// Peak resident memory in bytes; none where the kernel does not report it.
pub fn peak() -> Option<u64> {
    field("VmHWM:")
}

fn field(name: &str) -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?, name)
}

/// Value of a line such as `VmRSS:     1234 kB`. The kernel's kB are 1024 bytes.
fn parse(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_proc_status() {
        let status = "Name:\tverbatim\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n";
        assert_eq!(parse(status, "VmRSS:"), Some(1 << 20));
        assert_eq!(parse(status, "VmHWM:"), Some(2 << 20));
        assert_eq!(parse(status, "VmSwap:"), None);
        let now = resident();
        assert!(now > Some(0) && peak() >= now);
    }
}
