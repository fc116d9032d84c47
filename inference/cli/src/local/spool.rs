//! Standard input and pipes as files: the engine needs to seek.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    path::PathBuf,
};

use nix::fcntl::{FcntlArg, fcntl};

/// Descriptors of spools begin here: below are those that an engine's process has a use for.
const FIRST_DESCRIPTOR: i32 = 16;

/// A file without a name, that lives as long as this value: whatever kills the process, nothing is left behind.
#[derive(Debug)]
pub struct Spool {
    file: OwnedFd,
    bytes: u64,
}

impl Spool {
    /// Copies everything from `reader` to the folder for temporary files (`TMPDIR`).
    ///
    /// # Errors
    /// When reading fails or the disk is full.
    pub fn fill(reader: &mut dyn Read) -> io::Result<Self> {
        let mut file: File = tempfile::tempfile()?;
        let bytes = io::copy(reader, &mut file)?;
        // A copy of the descriptor that children inherit.
        let descriptor = fcntl(&file, FcntlArg::F_DUPFD(FIRST_DESCRIPTOR))?;
        // SAFETY: the descriptor was made just now, and nobody else has it.
        let file = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Ok(Self { file, bytes })
    }

    /// A path under which this process, and each child that it starts from now on, can open the file anew, from its
    /// beginning. Not by this process's id: an engine cannot look into other processes.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
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
