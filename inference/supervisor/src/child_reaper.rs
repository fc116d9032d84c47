//! Reaping of orphans: PID 1 of a container inherits them, and has to wait for them, or they fill the process
//! table.

use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;

/// Makes this process the parent of its descendants' orphans, as PID 1 is anyway.
pub(crate) fn adopt_orphans() {
    // Some kernels lack it; where it fails, orphans go to PID 1, which is another process then.
    let _ = nix::sys::prctl::set_child_subreaper(true);
}

/// Waits for every child that has exited, except `engines`, which are waited for where they were started.
pub(crate) fn reap_orphans(engines: &[u32]) {
    // WNOWAIT reports a child that has exited, and reports it again until it is waited for.
    let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    while let Ok(status) = waitid(Id::All, peek) {
        let Some(pid) = exited(&status).filter(|pid| !is_engine(*pid, engines)) else { return };
        let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
        tracing::debug!(pid = pid.as_raw(), "an orphan has exited");
    }
}

fn exited(status: &WaitStatus) -> Option<Pid> {
    match status {
        WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..) => Some(*pid),
        _ => None,
    }
}

fn is_engine(pid: Pid, engines: &[u32]) -> bool {
    u32::try_from(pid.as_raw()).is_ok_and(|pid| engines.contains(&pid))
}
