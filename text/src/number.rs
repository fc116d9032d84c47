//! Numbers with units.

use std::{fmt::Display, time::Duration};

/// Seconds as `h:mm:ss`, rounded.
pub fn clock(seconds: f64) -> String {
    // The conversion saturates, and NaN becomes 0.
    let seconds = seconds.round() as u64;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A duration: `0.4 s`, or `h:mm:ss` from a minute on.
pub fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 59.95 { format!("{seconds:.1} s") } else { clock(seconds) }
}

/// Bytes as `230 MB` or `2.3 GB`, in powers of ten as disks and `ls --si` have them.
pub fn bytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        _ if bytes < 999_500.0 => format!("{:.0} kB", bytes / 1e3),
        _ if bytes < 9_950_000.0 => format!("{:.1} MB", bytes / 1e6),
        _ if bytes < 999_500_000.0 => format!("{:.0} MB", bytes / 1e6),
        _ => format!("{:.1} GB", bytes / 1e9),
    }
}

/// A ratio with two or three significant digits: `52`, `5.2`, `0.0192`.
pub fn ratio(ratio: f64) -> String {
    match ratio {
        _ if ratio >= 10.0 => format!("{ratio:.0}"),
        _ if ratio >= 1.0 => format!("{ratio:.1}"),
        _ if ratio >= 0.1 => format!("{ratio:.2}"),
        _ => format!("{ratio:.4}"),
    }
}

/// A number of things: `1 entry`, `2 entries`.
pub fn count(number: impl Display + PartialEq + From<u8>, one: &str, many: &str) -> String {
    let noun = if number == 1.into() { one } else { many };
    format!("{number} {noun}")
}

/// A number of files: `1 file`, `2 files`.
pub fn files(number: impl Display + PartialEq + From<u8>) -> String {
    count(number, "file", "files")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(clock(0.0), "0:00:00");
        assert_eq!(clock(3_725.6), "1:02:06");
        assert_eq!(clock(360_000.0), "100:00:00");
        assert_eq!(elapsed(Duration::from_millis(420)), "0.4 s");
        assert_eq!(elapsed(Duration::from_secs(60)), "0:01:00");
        assert_eq!(bytes(12_300), "12 kB");
        assert_eq!(bytes(1_230_000), "1.2 MB");
        assert_eq!(bytes(241_000_000), "241 MB");
        assert_eq!(bytes(999_600_000), "1.0 GB");
        assert_eq!(
            [ratio(52.3), ratio(5.23), ratio(0.523), ratio(0.019_23)],
            ["52", "5.2", "0.52", "0.0192"]
        );
        assert_eq!([files(0_usize), files(1_usize), files(2_usize)], ["0 files", "1 file", "2 files"]);
    }
}
