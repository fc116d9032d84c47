//! Numbers and names that nobody else has.

use rand::TryRng as _;
use rand::rngs::SysRng;

/// A number that nobody else draws: it tells reconciles, and replicas on one host, apart.
pub fn number() -> u32 {
    // Without the system's randomness the process id tells replicas apart as well as it can.
    SysRng.try_next_u32().unwrap_or(std::process::id())
}

/// A name for this replica: the host's, and a number.
pub fn name() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    format!("{host}-{:08x}", number())
}
