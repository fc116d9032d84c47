//! What the engine takes away from itself before it touches hostile media: network, programs, writing.
//!
//! Every layer is best effort, since kernels and containers differ in what they allow; what holds is told to the
//! supervisor, which logs it.

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

use verbatim_protocol::{SOCKET, environment::SANDBOX_OFF_VARIABLE};

/// System calls that an engine has no use for and an intruder has. Sockets are refused at their making, so that what
/// is sent over the one that is there needs no rule.
const REFUSED: &[libc::c_long] = &[
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

/// Enters. Has to be called before the process has a second thread. Gives what was taken away, in words.
pub(super) fn enter() -> Vec<String> {
    leave_signals_to_the_supervisor();
    be_the_first_to_go();
    close_other_sockets();
    let off = std::env::var(SANDBOX_OFF_VARIABLE).unwrap_or_default();
    let on = |layer: &str| !off.split(',').any(|name| name.trim() == layer);
    let mut taken = vec![match on("landlock").then(restrict_files) {
        Some(Ok(words)) => format!("landlock: {words}"),
        Some(Err(error)) => format!("no landlock ({error})"),
        None => format!("no landlock ({SANDBOX_OFF_VARIABLE})"),
    }];
    match on("seccomp").then(refuse_calls) {
        Some(Ok(())) => taken.push("seccomp filter: no network, no programs, no other processes".to_owned()),
        Some(Err(error)) => {
            taken.push(format!("no seccomp filter ({error})"));
            taken.push(match unshare(CloneFlags::CLONE_NEWNET) {
                Ok(()) => "empty network namespace".to_owned(),
                Err(error) => format!("no empty network namespace ({error})"),
            });
        }
        None => taken.push(format!("no seccomp filter ({SANDBOX_OFF_VARIABLE})")),
    }
    taken
}

/// A terminal sends Ctrl-C to everybody; what becomes of the engine is the supervisor's to say.
fn leave_signals_to_the_supervisor() {
    for each in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        // SAFETY: no handler runs: the signals are ignored.
        let _ = unsafe { signal(each, SigHandler::SigIgn) };
    }
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    // Hostile audio in a core file helps nobody, and a dump of gigabytes takes time.
    let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
}

/// When memory runs out, the kernel should take the engine and not the supervisor. Half of the scale: enough to go
/// before anything that nobody has marked.
fn be_the_first_to_go() {
    let _ = fs::write("/proc/self/oom_score_adj", "500");
}

/// A borrowed descriptor of this process.
pub(super) fn borrowed(descriptor: RawFd) -> BorrowedFd<'static> {
    // SAFETY: used for the length of one call; a closed descriptor makes the call fail and nothing else.
    unsafe { BorrowedFd::borrow_raw(descriptor) }
}

/// Closes sockets that whoever started the supervisor left open in it.
fn close_other_sockets() {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return };
    let open: Vec<RawFd> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > SOCKET) {
        let kind = nix::sys::stat::fstat(borrowed(descriptor)).map(|stat| stat.st_mode & libc::S_IFMT);
        if kind == Ok(libc::S_IFSOCK) {
            // SAFETY: nothing in this process knows of it: the process has only just begun.
            unsafe { libc::close(descriptor) };
        }
    }
}

/// Landlock: nothing may be written, but devices (a GPU's); nothing may be run; no TCP, no signals to others. Reading is
/// left alone: recordings may lie anywhere.
fn restrict_files() -> Result<String, landlock::RulesetError> {
    let abi = ABI::V6;
    let devices = AccessFs::WriteFile | AccessFs::IoctlDev;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_write(abi) | AccessFs::Execute | AccessFs::IoctlDev)?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?;
    for device in devices_of_use() {
        if let Ok(device) = PathFd::new(device) {
            rules = rules.add_rule(PathBeneath::new(device, devices))?;
        }
    }
    Ok(match rules.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => "nothing is written, nothing is run, no TCP, no signals to others",
        RulesetStatus::PartiallyEnforced => {
            "nothing is written, nothing is run, as far as this kernel knows it"
        }
        RulesetStatus::NotEnforced => "not in this kernel",
    }
    .to_owned())
}

/// What may be written to: nothing's device, and those of NVIDIA's driver. No disks, no shared memory.
fn devices_of_use() -> Vec<PathBuf> {
    let gpu = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with("nvidia") && !path.is_dir()
    };
    let found = fs::read_dir("/dev").into_iter().flatten().flatten().map(|entry| entry.path()).filter(gpu);
    std::iter::once(PathBuf::from("/dev/null")).chain(found).collect()
}

/// Why the filter is not there.
#[derive(Debug, thiserror::Error)]
enum FilterError {
    #[error("not for processors of this kind")]
    Processor,
    #[error(transparent)]
    Backend(#[from] seccompiler::BackendError),
    #[error(transparent)]
    Filter(#[from] seccompiler::Error),
}

fn refuse_calls() -> Result<(), FilterError> {
    let processor = TargetArch::try_from(std::env::consts::ARCH).map_err(|_| FilterError::Processor)?;
    let refused = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(refused, SeccompAction::Allow, refuse, processor)?;
    let program: BpfProgram = filter.try_into()?;
    Ok(seccompiler::apply_filter(&program)?)
}
