//! SHA-256 of files and bytes, written `sha256:` and 64 hexadecimal digits.

use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

/// Bytes read at a time: large enough that system calls do not count, small enough for a stack of threads.
const CHUNK: usize = 64 * 1024;

/// Digest of bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// Digest and length of a file, read once from start to end.
///
/// # Errors
/// The system's.
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
