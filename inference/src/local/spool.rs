//! Standard input and pipes as files: the engine needs to seek.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::AsRawFd,
    path::PathBuf,
};

/// A file without a name, that lives as long as this value: whatever kills the process, nothing is left behind.
#[derive(Debug)]
pub struct Spool {
    file: File,
    bytes: u64,
}

impl Spool {
    /// Copies everything from `reader` to the folder for temporary files (`TMPDIR`).
    ///
    /// # Errors
    /// When reading fails or the disk is full.
    pub fn fill(reader: &mut dyn Read) -> io::Result<Self> {
        let mut file = tempfile::tempfile()?;
        let bytes = io::copy(reader, &mut file)?;
        Ok(Self { file, bytes })
    }

    /// A path under which this process and its children can open the file anew, from its beginning.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()))
    }

    /// Size in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_from_the_beginning_each_time() {
        let spool = Spool::fill(&mut &b"sound"[..]).unwrap();
        assert_eq!(spool.bytes(), 5);
        for _ in 0..2 {
            assert_eq!(std::fs::read(spool.path()).unwrap(), b"sound");
        }
    }
}
