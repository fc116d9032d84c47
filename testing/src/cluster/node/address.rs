//! Addresses of pods: on the loopback, where a server can listen on each without any configuration.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::cluster::random;

/// Range from 127.16.0.0 to 127.250.255.255: people use the addresses below it.
const FIRST: u32 = 0x7f10_0000;
const COUNT: u32 = 0x7ffb_0000 - FIRST;

/// Address that no other pod of this process has. Those of another process start elsewhere.
pub(super) fn next() -> IpAddr {
    static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| AtomicU32::new(begin()));
    let address = FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
    IpAddr::V4(Ipv4Addr::from_bits(address))
}

fn begin() -> u32 {
    // Without randomness, the process id is the next best way to tell processes apart.
    let random = random().unwrap_or(u64::from(std::process::id()) << 8);
    (random % u64::from(COUNT)) as u32
}
