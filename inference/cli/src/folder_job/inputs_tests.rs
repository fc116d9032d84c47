use std::ffi::OsStr;
use std::fs;
use std::os::unix::{ffi::OsStrExt, fs::symlink};
use std::path::{Path, PathBuf};

use verbatim_crds::destination::Format;
use verbatim_ledger::plan::LeftOut;
use verbatim_protocol::failure::FailureReason;

use super::inputs::{InputError, Output, plan};
use super::plan::{Plan, Target};
use super::targets::TargetError;

const WAV: &[u8] = b"RIFF\x24\0\0\0WAVEfmt ";

fn tree(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, WAV).unwrap();
    }
    folder
}

fn to_folder(inputs: &[PathBuf]) -> Result<Plan, InputError> {
    plan(inputs, &Output::Folder("out".into()), &Format::ALL)
}

/// The JSON file of each recording.
fn targets(plan: &Plan) -> Vec<String> {
    plan.recordings
        .iter()
        .map(|recording| recording.target.path(Format::Json).unwrap().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn a_folder_is_walked_in_order_and_keeps_its_subfolders() {
    let folder = tree(&["b.wav", "a/z.mp3", "a/b.flac", ".hidden.wav", ".cache/x.wav"]);
    fs::write(folder.path().join("notes.txt"), "words").unwrap();
    fs::write(folder.path().join("recording-without-extension"), WAV).unwrap();
    let plan = to_folder(&[folder.path().to_owned()]).unwrap();
    assert_eq!(
        targets(&plan),
        ["out/a/b.json", "out/a/z.json", "out/b.json", "out/recording-without-extension.json"]
    );
    assert_eq!(plan.left_out, LeftOut { not_audio: 1, hidden: 2, ..LeftOut::default() });
    assert_eq!(plan.recordings[0].bytes, WAV.len() as u64);
}

#[test]
fn names_that_differ_in_the_extension_keep_it() {
    let folder = tree(&["a.wav", "a.mp3", "b.wav", "c.d.wav"]);
    let plan = to_folder(&[folder.path().to_owned()]).unwrap();
    assert_eq!(targets(&plan), ["out/a.mp3.json", "out/a.wav.json", "out/b.json", "out/c.d.json"]);
}

#[test]
fn several_folders_keep_their_own_names() {
    let folder = tree(&["one/a.wav", "two/a.wav", "b.wav"]);
    let inputs = ["one", "two/.", "b.wav"].map(|name| folder.path().join(name));
    assert_eq!(targets(&to_folder(&inputs).unwrap()), ["out/one/a.json", "out/two/a.json", "out/b.json"]);
}

#[test]
fn two_recordings_of_one_name_are_refused() {
    let folder = tree(&["one/a.wav", "two/a.wav", "x/b.wav", "x/b.mp3", "x/b.mp3.ogg"]);
    let inputs = ["one/a.wav", "two/a.wav"].map(|name| folder.path().join(name));
    let error = to_folder(&inputs).unwrap_err();
    assert!(
        matches!(&error, InputError::Targets(TargetError::Collision { target, .. }) if target == Path::new("out/a.wav.json")),
        "{error:?}"
    );
    // b.mp3 keeps its extension because of b.wav, and then has the name of b.mp3.ogg without its own.
    assert!(matches!(to_folder(&[folder.path().join("x")]), Err(InputError::Targets(_))));
}

#[test]
fn a_recording_that_is_named_twice_is_planned_once() {
    let folder = tree(&["a.wav", "b.wav"]);
    let inputs = [folder.path().join("a.wav"), folder.path().to_owned(), folder.path().join("./a.wav")];
    let plan = to_folder(&inputs).unwrap();
    assert_eq!(plan.recordings.len(), 2);
    assert_eq!(plan.left_out.twice, 2);
}

#[test]
fn links_are_followed_and_loops_are_not() {
    let folder = tree(&["a/x.wav"]);
    symlink(folder.path(), folder.path().join("a/up")).unwrap();
    symlink("x.wav", folder.path().join("a/y.wav")).unwrap();
    symlink("nowhere", folder.path().join("a/z.wav")).unwrap();
    symlink("nowhere", folder.path().join("a/z.txt")).unwrap();
    let plan = to_folder(&[folder.path().to_owned()]).unwrap();
    assert_eq!(targets(&plan), ["out/a/x.json", "out/a/y.json", "out/a/z.json"]);
    assert_eq!(
        plan.recordings[2].failure.as_ref().map(|failure| failure.reason),
        Some(FailureReason::NotFound)
    );
    assert_eq!(plan.left_out, LeftOut { not_audio: 1, loops: 1, ..LeftOut::default() });
}

#[test]
fn a_missing_file_fails_alone() {
    let folder = tree(&["a.wav"]);
    let plan = to_folder(&[folder.path().join("missing.wav"), folder.path().join("a.wav")]).unwrap();
    let reasons: Vec<_> = plan
        .recordings
        .iter()
        .map(|recording| recording.failure.as_ref().map(|failure| failure.reason))
        .collect();
    assert_eq!(reasons, [Some(FailureReason::NotFound), None]);
}

#[test]
fn standard_output_takes_one_recording() {
    let folder = tree(&["a.wav"]);
    let stdout = |inputs: &[PathBuf]| plan(inputs, &Output::Stdout(Format::Srt), &[Format::Srt]);
    let one = stdout(&[folder.path().to_owned()]).unwrap();
    assert_eq!(one.recordings[0].target, Target::Stdout(Format::Srt));
    fs::write(folder.path().join("b.wav"), WAV).unwrap();
    assert!(matches!(stdout(&[folder.path().to_owned()]), Err(InputError::ManyToStdout { count: 2 })));
}

#[test]
fn no_transcript_replaces_a_recording() {
    let folder = tree(&["talk.json", "sub/b.wav"]);
    let here = Output::Folder(folder.path().to_owned());
    let error = plan(&[folder.path().join("talk.json")], &here, &[Format::Json]).unwrap_err();
    assert!(matches!(error, InputError::Targets(TargetError::OverRecording { .. })), "{error:?}");
    assert!(plan(&[folder.path().join("talk.json")], &here, &[Format::Txt]).is_ok());
}

#[test]
fn names_may_have_any_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let name = OsStr::from_bytes(b"a b'\"\n\xff.wav");
    fs::write(folder.path().join(name), WAV).unwrap();
    let plan = to_folder(&[folder.path().to_owned()]).unwrap();
    let target = plan.recordings[0].target.path(Format::Json).unwrap();
    assert_eq!(target.as_os_str().as_bytes(), b"out/a b'\"\n\xff.json");
}

#[test]
fn the_extension_of_a_name_in_latin_1_counts() {
    let folder = tree(&[]);
    // An MP3 without a tag: no header tells.
    fs::write(folder.path().join(OsStr::from_bytes(b"Gespr\xe4ch.mp3")), b"\xff\xfb\x90").unwrap();
    let plan = to_folder(&[folder.path().to_owned()]).unwrap();
    assert_eq!((plan.recordings.len(), plan.left_out), (1, LeftOut::default()));
}

#[test]
fn a_pipe_is_copied_for_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.wav");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let plan = std::thread::scope(|scope| {
        scope.spawn(|| fs::write(&pipe, WAV).unwrap());
        to_folder(std::slice::from_ref(&pipe)).unwrap()
    });
    assert_eq!(targets(&plan), ["out/pipe.json"]);
    assert_eq!(fs::read(&plan.recordings[0].path).unwrap(), WAV);
}
