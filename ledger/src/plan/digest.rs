//! Digests of names, of fixed size.

use sha2::{Digest as _, Sha256};

/// Bytes of a digest. 128 bits of SHA-256 are unique in practice: among 10^9 names a collision has a
/// probability of 10^-21, and nobody can produce one. So digests are compared instead of names.
const BYTES: usize = 16;

/// Digest of a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NameDigest([u8; BYTES]);

impl NameDigest {
    pub(super) fn of(name: &str) -> Self {
        let keep_extension = Sha256::digest(name.as_bytes());
        let mut short = [0; BYTES];
        short.copy_from_slice(&keep_extension[..BYTES]);
        Self(short)
    }
}
