//! SHA-256 digests of files and bytes, as `sha256:` and 64 hexadecimal digits.

use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

/// Bytes of one read: large enough that the cost of system calls is negligible, small enough for many
/// threads.
const CHUNK: usize = 64 * 1024;

/// Digest of bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// Digest and length in bytes of a file, which is read once from start to end.
///
/// # Errors
/// Errors of the operating system.
pub fn of_file(path: &Path) -> io::Result<(String, u64)> {
    let mut file = std::fs::File::open(path)?;
    let (mut hash, mut length) = (Sha256::new(), 0);
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = match file.read(&mut chunk) {
            Ok(0) => return Ok((format!("sha256:{}", hex::encode(hash.finalize())), length)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&chunk[..read]);
        length += read as u64;
    }
}
