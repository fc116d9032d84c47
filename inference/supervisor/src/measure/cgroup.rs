//! Memory of the cgroup of a process, version 1 or 2, or both mounted side by side.
//!
//! Takes `/proc/PID/cgroup`, `/proc/PID/mountinfo` and the files of the memory controller; gives [`Cgroup`].
//! In a container, the path in `/proc` may not exist below the mount: then the mount itself is the cgroup.

use std::path::{Component, Path, PathBuf};

use procfs::process::MountInfo;
use procfs::{FromRead, ProcessCGroups};

use crate::measure::proc_file;
use crate::measure::snapshot::Cgroup;

/// Limits of this many bytes or more are none. Version 1 has no keyword for "no limit": it gives the greatest
/// number of pages, 2^63 bytes less a page. No machine has 2^60 bytes.
const NO_LIMIT: u64 = 1 << 60;

/// File names of the memory controller, which differ between versions 1 and 2.
#[derive(Debug, PartialEq, Eq)]
struct FileNames {
    current: &'static str,
    peak: &'static str,
    limit: &'static str,
    inactive_file: &'static str,
    oom_kills: &'static str,
}

const V1: FileNames = FileNames {
    current: "memory.usage_in_bytes",
    peak: "memory.max_usage_in_bytes",
    limit: "memory.limit_in_bytes",
    inactive_file: "total_inactive_file",
    oom_kills: "memory.oom_control",
};

const V2: FileNames = FileNames {
    current: "memory.current",
    peak: "memory.peak",
    limit: "memory.max",
    inactive_file: "inactive_file",
    oom_kills: "memory.events",
};

/// Location of the cgroup that a process is charged to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CgroupLocation {
    files: &'static FileNames,
    /// Folder of the process's own cgroup, then those above it up to the mount. Not empty.
    levels: Vec<PathBuf>,
}

impl CgroupLocation {
    /// Finds the cgroup of a process, `self` or a process id. `root` is `/` except in tests.
    pub(super) fn find(root: &Path, process: &str) -> Option<Self> {
        let folder = root.join("proc").join(process);
        let path = parse_cgroup(&proc_file::read(&folder.join("cgroup"))?)?;
        let (files, mount) = parse_mounts(&proc_file::read(&folder.join("mountinfo"))?, &path)?;
        let top = below(root, &mount.mount_point);
        let own = own_folder(&top, &mount.root, path.path());
        let levels = own.ancestors().take_while(|level| level.starts_with(&top));
        // With version 2, a level has the controller only where the level above delegates it; the topmost
        // never has.
        let levels: Vec<PathBuf> =
            levels.skip_while(|level| !level.join(files.current).exists()).map(Path::to_path_buf).collect();
        (!levels.is_empty()).then_some(Self { files, levels })
    }

    /// Charged memory now; none if the cgroup is gone.
    pub(super) fn read(&self) -> Option<Cgroup> {
        let own = self.levels.first()?;
        let (current, stat) = self.charged(own)?;
        let working_set = self.working_set(current, &stat);
        let mut limits: Vec<(u64, u64)> = Vec::new();
        for level in &self.levels {
            let Some(limit) = bytes(&level.join(self.files.limit)).filter(|limit| *limit < NO_LIMIT) else {
                continue;
            };
            // The process's own level is readable here; a level that is gone cannot limit.
            let Some((current, stat)) = self.charged(level) else { continue };
            limits.push((limit, self.working_set(current, &stat)));
        }
        // Version 1 also provides the least limit of levels above the mount, but not the memory charged
        // there.
        let hidden = proc_file::number(&stat, "hierarchical_memory_limit").filter(|limit| *limit < NO_LIMIT);
        limits.extend(hidden.map(|limit| (limit, working_set)));
        Some(Cgroup {
            current,
            working_set,
            peak: bytes(&own.join(self.files.peak)),
            limit: limits.iter().map(|(limit, _)| *limit).min(),
            headroom: limits.iter().map(|(limit, used)| limit.saturating_sub(*used)).min(),
            oom_kills: proc_file::read(&own.join(self.files.oom_kills))
                .and_then(|events| proc_file::number(&events, "oom_kill"))
                .unwrap_or(0),
        })
    }

    fn charged(&self, level: &Path) -> Option<(u64, String)> {
        Some((
            bytes(&level.join(self.files.current))?,
            proc_file::read(&level.join("memory.stat")).unwrap_or_default(),
        ))
    }

    fn working_set(&self, current: u64, stat: &str) -> u64 {
        current.saturating_sub(proc_file::number(stat, self.files.inactive_file).unwrap_or(0))
    }
}

/// Number in a file; none for `max`.
fn bytes(file: &Path) -> Option<u64> {
    proc_file::read(file)?.trim().parse().ok()
}

/// An absolute path such as `/sys/fs/cgroup`, below `root`.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Path of a process in the hierarchy with the memory controller.
#[derive(Debug, PartialEq, Eq)]
enum Hierarchy {
    /// Version 1.
    One(String),
    /// Version 2.
    Two(String),
}

impl Hierarchy {
    fn path(&self) -> &str {
        let (Self::One(path) | Self::Two(path)) = self;
        path
    }
}

/// Parses `/proc/PID/cgroup`. A controller is in one hierarchy only: in version 1 if that lists it.
fn parse_cgroup(text: &str) -> Option<Hierarchy> {
    let groups = ProcessCGroups::from_read(text.as_bytes()).ok()?.0;
    let one = groups.iter().find(|group| group.controllers.iter().any(|name| name == "memory"));
    let two = groups.iter().find(|group| group.hierarchy == 0 && group.controllers.is_empty());
    one.map(|group| Hierarchy::One(group.pathname.clone()))
        .or_else(|| two.map(|group| Hierarchy::Two(group.pathname.clone())))
}

/// Parses `/proc/PID/mountinfo`: the mount of that hierarchy, preferably one that contains the path.
fn parse_mounts(text: &str, path: &Hierarchy) -> Option<(&'static FileNames, MountInfo)> {
    let files = if matches!(path, Hierarchy::One(_)) { &V1 } else { &V2 };
    let fits = |mount: &MountInfo| match path {
        Hierarchy::One(_) => mount.fs_type == "cgroup" && mount.super_options.contains_key("memory"),
        Hierarchy::Two(_) => mount.fs_type == "cgroup2",
    };
    let mounts = text.lines().filter_map(|line| MountInfo::from_line(line).ok()).filter(fits);
    // `max_by_key` gives the last of equals, which is mounted over the others.
    mounts.max_by_key(|mount| Path::new(path.path()).starts_with(&mount.root)).map(|mount| (files, mount))
}

/// Folder of the cgroup `path`, where `root` of the hierarchy is mounted at `top`.
fn own_folder(top: &Path, root: &str, path: &str) -> PathBuf {
    let path = Path::new(path);
    let shown = path.strip_prefix(root).or_else(|_| path.strip_prefix("/")).unwrap_or(Path::new(""));
    // In a cgroup namespace, paths outside of it begin with `/..`.
    let inside = shown.components().all(|component| matches!(component, Component::Normal(_)));
    let folder = top.join(shown);
    if inside && folder.is_dir() { folder } else { top.to_path_buf() }
}

#[cfg(test)]
#[path = "cgroup_tests.rs"]
mod tests;
