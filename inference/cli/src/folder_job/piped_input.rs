//! Standard input and pipes as files: the engine needs to seek.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;

use nix::fcntl::{FcntlArg, fcntl};

/// Descriptors of these files begin here: an engine process uses the lower ones.
const FIRST_DESCRIPTOR: i32 = 16;

/// Copy of a piped recording, in a file without a name: it is removed with this value, also when the process
/// is killed.
#[derive(Debug)]
pub struct PipedInput {
    file: OwnedFd,
    bytes: u64,
}

impl PipedInput {
    /// Copies everything from `reader` to the folder for temporary files (`TMPDIR`).
    ///
    /// # Errors
    /// When reading fails or the disk is full.
    pub(super) fn copy(reader: &mut dyn Read) -> io::Result<Self> {
        let mut file: File = tempfile::tempfile()?;
        let bytes = io::copy(reader, &mut file)?;
        // Child processes inherit this copy of the descriptor.
        let descriptor = fcntl(&file, FcntlArg::F_DUPFD(FIRST_DESCRIPTOR))?;
        // SAFETY: the descriptor was made just now, and nothing else owns it.
        let file = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Ok(Self { file, bytes })
    }

    /// A path under which this process, and each child that it starts from now on, can open the file from its
    /// beginning. Without this process's id: an engine cannot look into other processes.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }

    /// Size in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_opens_from_the_beginning_each_time() {
        let piped = PipedInput::copy(&mut &b"sound"[..]).unwrap();
        assert_eq!(piped.bytes(), 5);
        for _ in 0..2 {
            assert_eq!(std::fs::read(piped.path()).unwrap(), b"sound");
        }
    }
}
