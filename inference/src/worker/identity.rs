//! Who this worker is: a nonce that nobody else has, and a name for people.

use rand::RngExt;

/// Who a worker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Drawn at each start.
    pub owner: String,
    /// The pod's name (its host's name), and the process where it is not alone on its host.
    pub worker: String,
}

impl Identity {
    /// Draws a nonce. 128 bits: no two workers ever draw the same.
    pub fn new() -> Self {
        let mut random: rand::rngs::StdRng = rand::make_rng();
        let nonce: u128 = random.random();
        let host =
            nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
        Self { owner: format!("{nonce:032x}"), worker: format!("{host}/{}", std::process::id()) }
    }
}

impl Default for Identity {
    fn default() -> Self {
        Self::new()
    }
}
