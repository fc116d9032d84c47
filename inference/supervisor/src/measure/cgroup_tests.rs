use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use super::*;

/// A root folder with the files of the process `self` and of its cgroups.
struct Root(tempfile::TempDir);

impl Root {
    fn new(cgroup: &str, mountinfo: &str) -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        root.write("proc/self/cgroup", cgroup);
        root.write("proc/self/mountinfo", mountinfo);
        root
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn v2(&self, folder: &str, current: u64, inactive: u64, max: &str) {
        self.write(&format!("{folder}/memory.current"), &format!("{current}\n"));
        self.write(&format!("{folder}/memory.max"), &format!("{max}\n"));
        let stat = format!("anon 5\nfile 9\nactive_file 1\ninactive_file {inactive}\n");
        self.write(&format!("{folder}/memory.stat"), &stat);
        self.write(
            &format!("{folder}/memory.events"),
            "low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n",
        );
    }

    fn v1(&self, folder: &str, usage: u64, inactive: u64, limit: u64, hierarchical: u64) {
        self.write(&format!("{folder}/memory.usage_in_bytes"), &format!("{usage}\n"));
        self.write(&format!("{folder}/memory.max_usage_in_bytes"), &format!("{}\n", usage * 2));
        self.write(&format!("{folder}/memory.limit_in_bytes"), &format!("{limit}\n"));
        let stat = format!(
            "cache 1\ninactive_file 1\nhierarchical_memory_limit {hierarchical}\ntotal_cache 1\n\
             total_inactive_file {inactive}\n"
        );
        self.write(&format!("{folder}/memory.stat"), &stat);
        self.write(&format!("{folder}/memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n");
    }

    fn read(&self) -> Option<Cgroup> {
        CgroupLocation::find(self.0.path(), "self")?.read()
    }
}

const UNLIMITED: u64 = 9_223_372_036_854_771_712;

const V2_MOUNT: &str = "\
22 28 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw
35 22 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 \
rw,nsdelegate,memory_recursiveprot
";

const V1_MOUNTS: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

#[test]
fn version_2_in_a_service_of_systemd() {
    let root = Root::new("0::/system.slice/verbatim.service\n", V2_MOUNT);
    // The topmost level has no files of the controller.
    root.v2("sys/fs/cgroup/system.slice", 900, 100, "1000");
    root.v2("sys/fs/cgroup/system.slice/verbatim.service", 300, 100, "max");
    root.write("sys/fs/cgroup/system.slice/verbatim.service/memory.peak", "450\n");
    let got = root.read().unwrap();
    let want = Cgroup {
        current: 300,
        working_set: 200,
        peak: Some(450),
        limit: Some(1000),
        // The slice is charged for its other services too.
        headroom: Some(200),
        oom_kills: 1,
    };
    assert_eq!(got, want);
    assert_eq!(got.left(), Some(200));
}

#[test]
fn version_2_in_a_container_with_its_own_namespace() {
    let root = Root::new("0::/\n", V2_MOUNT);
    root.v2("sys/fs/cgroup", 300, 100, "512");
    let got = root.read().unwrap();
    assert_eq!((got.limit, got.headroom, got.peak), (Some(512), Some(312), None));
}

#[test]
fn version_2_where_the_path_is_not_below_the_mount() {
    for path in ["/kubepods.slice/pod1/abc", "/../../pod2/def", "/gone (deleted)"] {
        let root = Root::new(&format!("0::{path}\n"), V2_MOUNT);
        root.v2("sys/fs/cgroup", 300, 100, "512");
        // `/..` would lead to another cgroup.
        root.v2("sys/pod2/def", 1, 1, "1");
        root.v2("pod2/def", 1, 1, "1");
        assert_eq!(root.read().unwrap().limit, Some(512), "{path}");
    }
}

#[test]
fn version_2_without_the_controller_at_the_lowest_level() {
    let root = Root::new("0::/user.slice/a.scope\n", V2_MOUNT);
    root.v2("sys/fs/cgroup/user.slice", 300, 100, "512");
    root.write("sys/fs/cgroup/user.slice/a.scope/cgroup.procs", "");
    assert_eq!(root.read().unwrap().limit, Some(512));
}

#[test]
fn version_1_beside_version_2_without_controllers() {
    let root = Root::new("9:name=systemd:/\n5:cpu,cpuacct:/\n4:memory:/jobs/a\n0::/\n", V1_MOUNTS);
    root.v1("sys/fs/cgroup/memory", 5000, 100, UNLIMITED, UNLIMITED);
    root.v1("sys/fs/cgroup/memory/jobs", 700, 100, 1000, 1000);
    root.v1("sys/fs/cgroup/memory/jobs/a", 500, 100, UNLIMITED, 1000);
    root.v2("sys/fs/cgroup/unified", 1, 1, "1");
    let want = Cgroup {
        current: 500,
        working_set: 400,
        peak: Some(1000),
        limit: Some(1000),
        headroom: Some(400),
        oom_kills: 4,
    };
    assert_eq!(root.read(), Some(want));
}

#[test]
fn version_1_in_a_container_mounts_a_part_of_the_tree() {
    let mounts = V1_MOUNTS.replace("0:32 / ", "0:32 /docker/abc ");
    let root = Root::new("4:memory:/docker/abc\n", &mounts);
    root.v1("sys/fs/cgroup/memory", 500, 100, 2000, 1500);
    // The limit of the level above, which is not mounted, is less.
    let got = root.read().unwrap();
    assert_eq!((got.limit, got.headroom), (Some(1500), Some(1100)));
    // A child of the container's cgroup.
    let root = Root::new("4:memory:/docker/abc/child\n", &mounts);
    root.v1("sys/fs/cgroup/memory", 500, 100, 2000, 2000);
    root.v1("sys/fs/cgroup/memory/child", 50, 10, 100, 100);
    let got = root.read().unwrap();
    assert_eq!((got.current, got.limit, got.headroom), (50, Some(100), Some(60)));
}

#[test]
fn without_limits_or_controllers_there_are_none() {
    let root = Root::new("4:memory:/\n", V1_MOUNTS);
    root.v1("sys/fs/cgroup/memory", 500, 100, UNLIMITED, UNLIMITED);
    let got = root.read().unwrap();
    assert_eq!((got.limit, got.headroom, got.left()), (None, None, None));
    // No hierarchy has the memory controller.
    assert_eq!(Root::new("0::/\n", V2_MOUNT).read(), None);
    assert_eq!(Root::new("", V2_MOUNT).read(), None);
    assert_eq!(Root::new("0::/\n", "").read(), None);
    assert_eq!(Root::new("gibberish\n", "gibberish\n").read(), None);
}

/// A real child cgroup of this process's cgroup.
struct Child(PathBuf);

impl Child {
    fn make(limit_file: &str) -> Result<Self, String> {
        let location =
            CgroupLocation::find(Path::new("/"), "self").ok_or("no cgroup with a memory controller")?;
        let folder = location.levels[0].join(format!("verbatim-test-{}", std::process::id()));
        let show = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir(&folder).map_err(show)?;
        let child = Self(folder.clone());
        fs::write(folder.join(limit_file), "67108864").map_err(show)?;
        Ok(child)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Its processes have exited and been waited for.
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_real_cgroup_is_read() {
    let own = CgroupLocation::find(Path::new("/"), "self");
    let files = own.as_ref().map_or(&V2, |location| location.files);
    let child = match Child::make(files.limit) {
        Ok(child) => child,
        Err(why) => {
            // Bypasses the test harness, which shows the output of failed tests only.
            let _ = writeln!(
                std::io::stderr(),
                "NOT DONE: reading a real cgroup, since none could be created: {why}"
            );
            return;
        }
    };
    let mut sleep = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
    let moved = fs::write(child.0.join("cgroup.procs"), sleep.id().to_string());
    let location = CgroupLocation::find(Path::new("/"), &sleep.id().to_string());
    let got = location.as_ref().and_then(CgroupLocation::read);
    sleep.kill().unwrap();
    sleep.wait().unwrap();
    moved.unwrap();
    assert_eq!(location.unwrap().levels[0], child.0);
    let got = got.unwrap();
    assert_eq!((got.limit, got.oom_kills), (Some(64 << 20), 0));
    assert!(got.working_set <= got.current && got.current <= 64 << 20, "{got:?}");
    assert_eq!(got.headroom, Some((64 << 20) - got.working_set));
}
