//! Who this worker is: a nonce that nobody else has, and a name for people.

use rand::RngExt;
use verbatim_crds::contract::env;

/// Who a worker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Drawn at each start.
    pub owner: String,
    /// The pod's name, where the environment says it ([`env::WORKER`]); else the host's, and the process, which may not be
    /// alone there.
    pub worker: String,
}

impl Identity {
    /// Draws a nonce. 128 bits: no two workers ever draw the same.
    pub fn new() -> Self {
        let mut random: rand::rngs::StdRng = rand::make_rng();
        let nonce: u128 = random.random();
        Self { owner: format!("{nonce:032x}"), worker: name(std::env::var(env::WORKER).ok()) }
    }
}

/// The name for people: the one that was given, if it says anything.
fn name(given: Option<String>) -> String {
    given.filter(|name| !name.is_empty()).unwrap_or_else(|| {
        let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        format!("{}/{}", host.unwrap_or_default(), std::process::id())
    })
}

impl Default for Identity {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_given_name_is_taken_as_it_is() {
        assert_eq!(name(Some("calls-0-x7k2p".to_owned())), "calls-0-x7k2p");
        for nothing in [None, Some(String::new())] {
            assert!(name(nothing).ends_with(&format!("/{}", std::process::id())));
        }
    }
}
