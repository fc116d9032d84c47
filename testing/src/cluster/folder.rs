//! A temporary folder that is deleted with its owner, however the owner ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Folder that is removed when it is dropped, and also when the whole process ends: nothing drops what is in
/// a `static`, so a `TempDir` alone would stay behind.
#[derive(Debug)]
pub(super) struct Folder {
    folder: TempDir,
    /// Removes the folder when its standard input is closed, which is when this process has gone.
    sweeper: Child,
}

impl Folder {
    pub(super) fn new() -> io::Result<Self> {
        let folder = TempDir::with_prefix("verbatim-cluster-")?;
        // The servers that write into the folder are killed at the same moment: the second attempt covers
        // their last writes.
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
