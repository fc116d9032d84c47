//! Names as numbers of fixed size.

use sha2::{Digest as _, Sha256};

/// Bytes of a digest. Of 128 bits of SHA-256 no two names have the same: among 10^9 names the odds are 10^-21, and
/// nobody can make two on purpose. So digests are compared, and names are not.
const BYTES: usize = 16;

/// Digest of a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; BYTES]);

impl Digest {
    /// Digest of a name, which need not be text.
    pub fn of(name: impl AsRef<[u8]>) -> Self {
        let whole = Sha256::digest(name.as_ref());
        let mut short = [0; BYTES];
        short.copy_from_slice(&whole[..BYTES]);
        Self(short)
    }
}
