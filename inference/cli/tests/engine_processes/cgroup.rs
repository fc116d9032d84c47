//! A real cgroup (version 1 or 2) with a memory limit, on machines that allow one.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A cgroup below the one of this process. When dropped, its processes are killed and it is removed.
pub(crate) struct Limited(PathBuf);

impl Limited {
    /// Creates a cgroup with a limit in bytes and without swap.
    ///
    /// # Errors
    /// Why this machine allows none.
    pub(crate) fn make(bytes: u64) -> Result<Self, String> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("verbatim-test-{}-{number}", std::process::id());
        let (parent, limit, swap) = own()?;
        let folder = parent.join(name);
        let failure = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
        fs::create_dir(&folder).map_err(|error| failure(&folder, error))?;
        // From here on, drop removes the folder.
        let limited = Self(folder);
        let path = limited.0.join(limit);
        fs::write(&path, bytes.to_string()).map_err(|error| failure(&path, error))?;
        // Kernels without swap accounting lack this file; there is no swap for the cgroup then.
        let (file, value) = swap;
        let _ = fs::write(limited.0.join(file), value.map_or_else(|| bytes.to_string(), str::to_owned));
        Ok(limited)
    }

    /// Makes the process of a command enter the cgroup before it starts.
    pub(crate) fn enter<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let processes = self.0.join("cgroup.procs").into_os_string().into_encoded_bytes();
        let processes = std::ffi::CString::new(processes).unwrap();
        // SAFETY: between fork and exec only open, write and close are called, which are async-signal-safe.
        unsafe {
            command.pre_exec(move || {
                let file = libc::open(processes.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
                // 0 is the writing process.
                if file < 0 || libc::write(file, c"0".as_ptr().cast(), 1) != 1 {
                    return Err(io::Error::last_os_error());
                }
                libc::close(file);
                Ok(())
            })
        }
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let text = fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        for pid in text.lines().filter_map(|line| line.parse().ok()) {
            let _ =
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
        // A killed process takes a moment to leave the cgroup.
        for _ in 0..200 {
            match fs::remove_dir(&self.0) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    std::thread::park_timeout(std::time::Duration::from_millis(10));
                }
                _ => return,
            }
        }
    }
}

/// Name of the file that limits swap, and its value; none stands for the memory limit.
type Swap = (&'static str, Option<&'static str>);

/// Folder of this process in the hierarchy with the memory controller, and the files that limit memory and
/// swap.
fn own() -> Result<(PathBuf, &'static str, Swap), String> {
    let text =
        fs::read_to_string("/proc/self/cgroup").map_err(|error| format!("/proc/self/cgroup: {error}"))?;
    let lines = || text.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    let inside = |root: &str, path: &str| {
        let folder = Path::new(root).join(path.trim_start_matches('/'));
        // In a container, the path may exist on the host only.
        if folder.is_dir() { folder } else { PathBuf::from(root) }
    };
    if let Some((_, path)) = lines().find(|(names, _)| names.split(',').any(|name| name == "memory")) {
        let folder = inside("/sys/fs/cgroup/memory", path);
        return Ok((folder, "memory.limit_in_bytes", ("memory.memsw.limit_in_bytes", None)));
    }
    let (_, path) = lines().find(|(names, _)| names.is_empty()).ok_or("no cgroup")?;
    let folder = inside("/sys/fs/cgroup", path);
    let controllers = fs::read_to_string(folder.join("cgroup.subtree_control")).unwrap_or_default();
    if controllers.split_whitespace().any(|name| name == "memory") {
        return Ok((folder, "memory.max", ("memory.swap.max", Some("0"))));
    }
    // In version 2 a cgroup cannot have both processes and limited children: use a sibling instead.
    let parent = folder.parent().filter(|parent| parent.starts_with("/sys/fs/cgroup"));
    let delegates = |parent: &&Path| {
        let controllers = fs::read_to_string(parent.join("cgroup.subtree_control")).unwrap_or_default();
        controllers.split_whitespace().any(|name| name == "memory")
    };
    let parent = parent
        .filter(delegates)
        .ok_or_else(|| format!("{} does not delegate the memory controller", folder.display()))?;
    Ok((parent.to_owned(), "memory.max", ("memory.swap.max", Some("0"))))
}
