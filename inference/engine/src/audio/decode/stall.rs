//! Files that no longer make progress. No I/O.

/// Consecutive packets that may fail. With MP3, at 26 ms a packet, up to 26 s of garbage inside a file are
/// skipped.
const MAX_BAD_IN_A_ROW: u32 = 1000;
/// Consecutive packets without a byte being read; more indicate a loop in the demuxer. An Ogg page holds up
/// to 255 packets, a read-ahead of 64 KiB about 32 000 packets of 2 bytes.
const MAX_WITHOUT_READING: u32 = 100_000;

/// Packets that failed or came without a byte being read, one after the other.
#[derive(Debug, Default)]
pub(super) struct Stall {
    bytes_read: u64,
    packets: u32,
    bad: u32,
}

impl Stall {
    /// Counts a packet that cannot be decoded.
    pub(super) fn count_bad(&mut self) {
        self.bad += 1;
    }

    /// Notes that a packet was decoded.
    pub(super) fn clear_bad(&mut self) {
        self.bad = 0;
    }

    /// Counts a packet. Returns the problem if the file makes no progress: `bytes_read` of it are read so far.
    pub(super) fn check(&mut self, bytes_read: u64) -> Option<&'static str> {
        if bytes_read != self.bytes_read {
            (self.bytes_read, self.packets) = (bytes_read, 0);
        }
        self.packets += 1;
        if self.bad >= MAX_BAD_IN_A_ROW {
            Some("no further packet can be decoded")
        } else if self.packets >= MAX_WITHOUT_READING {
            Some("its index continues without data")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stalls_after_many_bad_packets_or_many_without_a_read() {
        let mut stall = Stall::default();
        for _ in 0..MAX_BAD_IN_A_ROW {
            assert_eq!(stall.check(1), None);
            stall.count_bad();
        }
        assert_eq!(stall.check(1), Some("no further packet can be decoded"));
        stall.clear_bad();
        assert_eq!(stall.check(2), None);
        let last = (0..MAX_WITHOUT_READING).map(|_| stall.check(2)).last().flatten();
        assert_eq!(last, Some("its index continues without data"));
        assert_eq!(stall.check(3), None);
    }
}
