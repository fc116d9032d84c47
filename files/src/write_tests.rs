use std::{
    fs::{self, File},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

use super::write::{WriteError, commit, prepare, remove_leftovers, stage};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_staged_is_not_there_before_it_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [folder.path().join("a.srt"), folder.path().join("a.json")];
    fs::write(&paths[1], "old").unwrap();
    let staged: Vec<_> = paths.iter().map(|path| stage(path, b"new").unwrap()).collect();
    assert_eq!(fs::read(&paths[1]).unwrap(), b"old");
    assert!(!paths[0].exists());
    commit(staged).unwrap();
    assert_eq!(names(folder.path()), ["a.json", "a.srt"]);
    for path in &paths {
        assert_eq!(fs::read(path).unwrap(), b"new");
    }
}

#[test]
fn files_get_the_permissions_that_any_program_gives() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, any) = (folder.path().join("ours"), folder.path().join("any"));
    commit(vec![stage(&ours, b"x").unwrap()]).unwrap();
    File::create(&any).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&ours), mode(&any));
}

#[test]
fn what_is_dropped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    drop(stage(&folder.path().join("a.json"), b"new").unwrap());
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn leftovers_of_the_dead_are_removed_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let living = stage(&folder.path().join("a.json"), b"new").unwrap();
    fs::write(folder.path().join(".verbatim-dead.tmp"), "half").unwrap();
    for other in [".verbatim-notes.txt", "verbatim-.tmp", ".tmp"] {
        fs::write(folder.path().join(other), "").unwrap();
    }
    remove_leftovers(folder.path());
    commit(vec![living]).unwrap();
    assert_eq!(names(folder.path()), [".tmp", ".verbatim-notes.txt", "a.json", "verbatim-.tmp"]);
}

#[test]
fn a_missing_folder_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("a/b");
    prepare(&inner).unwrap();
    assert_eq!(names(&inner), [""; 0]);
}

#[test]
fn a_file_where_a_folder_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(prepare(&file), Err(WriteError::MakeFolder { .. })));
    assert!(matches!(prepare(&file.join("inner")), Err(WriteError::MakeFolder { .. })));
    assert!(matches!(stage(&file.join("a.json"), b""), Err(WriteError::MakeFile { .. })));
}

#[test]
fn a_folder_where_the_file_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    fs::create_dir(&path).unwrap();
    let error = commit(vec![stage(&path, b"new").unwrap()]);
    assert!(matches!(error, Err(WriteError::Rename { .. })));
    assert_eq!(names(folder.path()), ["a.json"]);
}

/// Names the folder of a child process of a test, which is this same test.
const CHILD: &str = "VERBATIM_WRITE_TEST_FOLDER";

fn child_folder() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// Runs a test of this file again, in a process of its own, through a shell that first runs `setup`.
fn run_child(test: &str, setup: &str, folder: &Path) {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{setup} exec \"$@\"")).arg("sh");
    command.arg(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("write_tests::{test}"), "--nocapture"]).env(CHILD, folder);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        // Nobody: permissions mean nothing to root.
        command.uid(65_534).gid(65_534);
    }
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{output:?}");
}

/// A folder that anyone may enter and write to.
fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

#[test]
fn no_room_for_the_bytes() {
    if let Some(folder) = child_folder() {
        let error = stage(&folder.join("a.json"), &[b'x'; 100_000]);
        assert!(matches!(error, Err(WriteError::WriteBytes { .. })), "{error:?}");
        return;
    }
    let folder = open_folder();
    // No file over a few kilobytes, and an error in place of the signal.
    run_child("no_room_for_the_bytes", "trap '' XFSZ; ulimit -f 8;", folder.path());
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_folder_without_permission() {
    if let Some(folder) = child_folder() {
        assert!(matches!(prepare(&folder), Err(WriteError::MakeFile { .. })));
        assert!(matches!(prepare(&folder.join("inner")), Err(WriteError::MakeFolder { .. })));
        return;
    }
    let folder = open_folder();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    run_child("a_folder_without_permission", "", folder.path());
}
