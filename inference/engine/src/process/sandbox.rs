//! Sandbox that the engine enters before it reads hostile media: no network, no programs, no writes.
//!
//! Every layer is best effort, because kernels and containers differ in what they support. The engine reports
//! the active layers to the supervisor, which logs them.

use std::fs;
use std::os::fd::{BorrowedFd, RawFd};
use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope,
};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigHandler, Signal, signal};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

use verbatim_protocol::SOCKET;
use verbatim_protocol::environment::SANDBOX_OFF_VARIABLE;

/// System calls that an attacker needs and an engine does not. Creating a socket is denied, so that sending
/// over the existing one needs no rule.
const DENIED_CALLS: &[libc::c_long] = &[
    // The network.
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_io_uring_setup,
    // Other programs and other processes.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    // The system.
    libc::SYS_bpf,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_by_handle_at,
    libc::SYS_userfaultfd,
    libc::SYS_perf_event_open,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_settimeofday,
    libc::SYS_sethostname,
    libc::SYS_acct,
];

/// Enters the sandbox, and returns its layers as texts. Layers that this kernel or container does not support
/// are skipped.
///
/// Closes sockets beyond the third descriptor. Must be called before the process has a second thread, because
/// only the calling thread and its descendants are confined.
pub fn enter() -> Vec<String> {
    ignore_signals();
    raise_oom_score();
    close_other_sockets();
    let off = std::env::var(SANDBOX_OFF_VARIABLE).unwrap_or_default();
    let on = |layer: &str| !off.split(',').any(|name| name.trim() == layer);
    let mut layers = vec![match on("landlock").then(restrict_files) {
        Some(Ok(rules)) => format!("landlock: {rules}"),
        Some(Err(error)) => format!("no landlock ({error})"),
        None => format!("no landlock ({SANDBOX_OFF_VARIABLE})"),
    }];
    match on("seccomp").then(deny_calls) {
        Some(Ok(())) => layers.push("seccomp filter: no network, no programs, no other processes".to_owned()),
        Some(Err(error)) => {
            layers.push(format!("no seccomp filter ({error})"));
            layers.push(match unshare(CloneFlags::CLONE_NEWNET) {
                Ok(()) => "empty network namespace".to_owned(),
                Err(error) => format!("no empty network namespace ({error})"),
            });
        }
        None => layers.push(format!("no seccomp filter ({SANDBOX_OFF_VARIABLE})")),
    }
    layers
}

/// Ignores signals that end a process: a terminal sends Ctrl-C to the whole process group, but the supervisor
/// decides when an engine ends.
fn ignore_signals() {
    for each in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        // SAFETY: the signals are ignored, so that no handler runs.
        let _ = unsafe { signal(each, SigHandler::SigIgn) };
    }
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    // No core files: they would hold recordings, and a dump of gigabytes takes time.
    let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
}

/// Makes the kernel kill the engine, not the supervisor, when memory runs out. Half of the scale is above
/// every process with the default score.
fn raise_oom_score() {
    let _ = fs::write("/proc/self/oom_score_adj", "500");
}

/// Borrows a descriptor of this process.
pub(super) fn borrowed(descriptor: RawFd) -> BorrowedFd<'static> {
    // SAFETY: used for the duration of one call, which just fails for a closed descriptor.
    unsafe { BorrowedFd::borrow_raw(descriptor) }
}

/// Closes sockets inherited from the parent of the supervisor.
fn close_other_sockets() {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return };
    let open: Vec<RawFd> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > SOCKET) {
        let kind = nix::sys::stat::fstat(borrowed(descriptor)).map(|stat| stat.st_mode & libc::S_IFMT);
        if kind == Ok(libc::S_IFSOCK) {
            // SAFETY: the process has just started, and nothing in it uses the descriptor.
            unsafe { libc::close(descriptor) };
        }
    }
}

/// Applies Landlock: no writes except to devices (of a GPU), no programs, no TCP, no signals to other
/// processes. Reading is not restricted, because recordings may be anywhere.
fn restrict_files() -> Result<String, landlock::RulesetError> {
    let abi = ABI::V6;
    let devices = AccessFs::WriteFile | AccessFs::IoctlDev;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_write(abi) | AccessFs::Execute | AccessFs::IoctlDev)?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?;
    for device in writable_devices() {
        if let Ok(device) = PathFd::new(device) {
            rules = rules.add_rule(PathBeneath::new(device, devices))?;
        }
    }
    Ok(match rules.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => "no writes, no programs, no TCP, no signals to other processes",
        RulesetStatus::PartiallyEnforced => "no writes, no programs, as far as this kernel supports it",
        RulesetStatus::NotEnforced => "not supported by this kernel",
    }
    .to_owned())
}

/// Devices that may be written: `/dev/null` and those of NVIDIA's driver. No disks, no shared memory.
fn writable_devices() -> Vec<PathBuf> {
    let gpu = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with("nvidia") && !path.is_dir()
    };
    let found = fs::read_dir("/dev").into_iter().flatten().flatten().map(|entry| entry.path()).filter(gpu);
    std::iter::once(PathBuf::from("/dev/null")).chain(found).collect()
}

/// Failure to install the seccomp filter.
#[derive(Debug, thiserror::Error)]
enum FilterError {
    #[error("not supported on this processor architecture")]
    Processor,
    #[error(transparent)]
    Backend(#[from] seccompiler::BackendError),
    #[error(transparent)]
    Filter(#[from] seccompiler::Error),
}

fn deny_calls() -> Result<(), FilterError> {
    let processor = TargetArch::try_from(std::env::consts::ARCH).map_err(|_| FilterError::Processor)?;
    let denied = DENIED_CALLS.iter().map(|call| (*call, Vec::new())).collect();
    let deny = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(denied, SeccompAction::Allow, deny, processor)?;
    let program: BpfProgram = filter.try_into()?;
    Ok(seccompiler::apply_filter(&program)?)
}
