//! Identity of this worker: a unique nonce, and a name for people.

use rand::RngExt;
use verbatim_crds::contract::env;

/// Identity of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Nonce, drawn at each start.
    pub owner: String,
    /// Name of the pod if the environment has it ([`env::WORKER`]), else host name and process id: several
    /// workers may share a host.
    pub worker: String,
}

impl Identity {
    /// Draws a nonce of 128 bits, which no two workers ever share.
    pub fn new() -> Self {
        let mut random: rand::rngs::StdRng = rand::make_rng();
        let nonce: u128 = random.random();
        Self { owner: format!("{nonce:032x}"), worker: name(std::env::var(env::WORKER).ok()) }
    }
}

/// Name for people: the given one unless it is empty.
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
    fn the_given_name_is_used_unchanged() {
        assert_eq!(name(Some("calls-0-x7k2p".to_owned())), "calls-0-x7k2p");
        for absent in [None, Some(String::new())] {
            assert!(name(absent).ends_with(&format!("/{}", std::process::id())));
        }
    }
}
