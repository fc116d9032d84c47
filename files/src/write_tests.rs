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
fn a_staged_file_is_invisible_until_it_is_committed() {
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
fn files_have_the_permissions_of_the_umask() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, any) = (folder.path().join("ours"), folder.path().join("any"));
    commit(vec![stage(&ours, b"x").unwrap()]).unwrap();
    File::create(&any).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&ours), mode(&any));
}

#[test]
fn a_dropped_file_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    drop(stage(&folder.path().join("a.json"), b"new").unwrap());
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn only_leftovers_of_dead_processes_are_removed() {
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
fn a_missing_folder_is_created() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("a/b");
    prepare(&inner).unwrap();
    assert_eq!(names(&inner), [""; 0]);
}

#[test]
fn a_file_in_place_of_the_folder_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(prepare(&file), Err(WriteError::CreateFolder { .. })));
    assert!(matches!(prepare(&file.join("inner")), Err(WriteError::CreateFolder { .. })));
    assert!(matches!(stage(&file.join("a.json"), b""), Err(WriteError::CreateFile { .. })));
}

#[test]
fn a_folder_in_place_of_the_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    fs::create_dir(&path).unwrap();
    let error = commit(vec![stage(&path, b"new").unwrap()]);
    assert!(matches!(error, Err(WriteError::Rename { .. })));
    assert_eq!(names(folder.path()), ["a.json"]);
}

/// Variable with the folder of a test that runs in a child process.
const CHILD: &str = "VERBATIM_WRITE_TEST_FOLDER";

fn child_folder() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// Runs a test of this file again in a child process, through a shell that runs `setup` first.
fn run_child(test: &str, setup: &str, folder: &Path) {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{setup} exec \"$@\"")).arg("sh");
    command.arg(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("write_tests::{test}"), "--nocapture"]).env(CHILD, folder);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        // As the user nobody: permissions do not restrict root.
        command.uid(65_534).gid(65_534);
    }
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("1 passed"), "{output:?}");
}

/// A folder that every user may read and write.
fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

#[test]
fn bytes_that_cannot_be_written_are_an_error() {
    if let Some(folder) = child_folder() {
        let error = stage(&folder.join("a.json"), &[b'x'; 100_000]);
        assert!(matches!(error, Err(WriteError::WriteBytes { .. })), "{error:?}");
        return;
    }
    let folder = open_folder();
    // Limits files to a few kilobytes; without the signal, exceeding the limit is an error.
    run_child("bytes_that_cannot_be_written_are_an_error", "trap '' XFSZ; ulimit -f 8;", folder.path());
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_folder_without_permission_is_an_error() {
    if let Some(folder) = child_folder() {
        assert!(matches!(prepare(&folder), Err(WriteError::CreateFile { .. })));
        assert!(matches!(prepare(&folder.join("inner")), Err(WriteError::CreateFolder { .. })));
        return;
    }
    let folder = open_folder();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    run_child("a_folder_without_permission_is_an_error", "", folder.path());
}
