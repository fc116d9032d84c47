//! Unique numbers and names.

use rand::TryRng as _;
use rand::rngs::SysRng;

/// A random number that distinguishes reconciles, and replicas on one host.
pub fn number() -> u32 {
    // Without system randomness, the process id is the best distinction.
    SysRng.try_next_u32().unwrap_or(std::process::id())
}

/// Name for this replica: the host name and a random number.
pub fn name() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    format!("{host}-{:08x}", number())
}
