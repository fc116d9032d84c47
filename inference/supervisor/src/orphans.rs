//! Processes that others left behind: whoever is PID 1 of a container gets them, and has to wait for them, or they fill
//! the process table.

use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;

/// Has orphans of this process's descendants come to it, as PID 1's do anyway.
pub(super) fn adopt() {
    // Not all kernels know it; where it fails orphans go to PID 1, which is not us then.
    let _ = nix::sys::prctl::set_child_subreaper(true);
}

/// Waits for every child that has ended, but for those in `ours`: whoever started those waits for them.
pub(super) fn reap(ours: &[u32]) {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    // A look shows one that has ended, and shows the same again until it is waited for.
    while let Ok(status) = waitid(Id::All, look) {
        let Some(pid) = ended(&status).filter(|pid| !is_ours(*pid, ours)) else { return };
        let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
        tracing::debug!(pid = pid.as_raw(), "an orphan has ended");
    }
}

fn ended(status: &WaitStatus) -> Option<Pid> {
    match status {
        WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..) => Some(*pid),
        _ => None,
    }
}

fn is_ours(pid: Pid, ours: &[u32]) -> bool {
    u32::try_from(pid.as_raw()).is_ok_and(|pid| ours.contains(&pid))
}
