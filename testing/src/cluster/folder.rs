//! A temporary folder that goes away with its owner, however the owner ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A folder that is removed when this is dropped, and also when this whole process ends: then nothing drops
/// what is in a `static`, and a `TempDir` alone would stay.
#[derive(Debug)]
pub(super) struct Folder {
    folder: TempDir,
    /// Removes the folder when its standard input ends, which is when this process is gone.
    sweeper: Child,
}

impl Folder {
    pub(super) fn new() -> io::Result<Self> {
        let folder = TempDir::with_prefix("verbatim-cluster-")?;
        // The servers that write into it are killed at the same moment: the second attempt is for those.
        let sweep = r#"cat >/dev/null; rm -rf "$0" || { sleep 1; rm -rf "$0"; }"#;
        let sweeper = Command::new("sh")
            .args(["-c", sweep])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { folder, sweeper })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.sweeper.stdin.take());
        let _ = self.sweeper.wait();
    }
}
