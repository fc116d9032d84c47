//! What the kernel says of this process's memory.

/// Resident memory now, in bytes; none where the kernel does not tell.
pub fn resident() -> Option<u64> {
    field("VmRSS:")
}

/// Most resident memory so far, in bytes; none where the kernel does not tell.
pub fn peak() -> Option<u64> {
    field("VmHWM:")
}

fn field(name: &str) -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?, name)
}

/// A line as `VmRSS:     1234 kB`; the kernel's kB are 1024 bytes.
fn parse(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_lines() {
        let status = "Name:\tverbatim\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n";
        assert_eq!(parse(status, "VmRSS:"), Some(1 << 20));
        assert_eq!(parse(status, "VmHWM:"), Some(2 << 20));
        assert_eq!(parse(status, "VmSwap:"), None);
        let now = resident();
        assert!(now > Some(0) && peak() >= now);
    }
}
