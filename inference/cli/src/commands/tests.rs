//! Whole commands with a scripted engine.

use std::{fs, path::Path};

use clap::Parser;

use super::{run, transcribe};
use crate::args::{Cli, Command};
use crate::console::Console;
use crate::engine_start::EngineLoader;
use crate::error::CommandError;
use crate::folder_job::testing::Scripted;

/// A folder with recordings. The content of each is its transcript.
fn recordings(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join("calls").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// Runs a command; `@` stands for the folder. Returns the exit code.
fn verbatim(folder: &Path, arguments: &[&str]) -> Result<u8, CommandError> {
    let folder = folder.to_str().unwrap();
    let arguments = arguments.iter().map(|argument| argument.replace('@', folder));
    let cli = Cli::try_parse_from(std::iter::once("verbatim".to_owned()).chain(arguments)).unwrap();
    let console = Console::new(&cli.output);
    let load: EngineLoader = |_, _, _, _| Ok(Box::new(Scripted::default()));
    match &cli.command {
        Command::Transcribe(args) => transcribe::transcribe(args, &console, load),
        Command::Run(args) => run::run(args, &console, load),
        other => panic!("{other:?}"),
    }
}

fn code(folder: &Path, arguments: &[&str]) -> u8 {
    verbatim(folder, arguments).unwrap()
}

#[test]
fn every_recording_is_transcribed() {
    let folder = recordings(&[("a.wav", "hello"), ("b/c.mp3", "silence")]);
    assert_eq!(code(folder.path(), &["transcribe", "@/calls", "-o", "@/out", "-q"]), 0);
    for file in ["a.json", "a.srt", "a.vtt", "a.txt", "b/c.json", "b/c.srt", "b/c.vtt", "b/c.txt"] {
        assert!(folder.path().join("out").join(file).exists(), "{file}");
    }
}

#[test]
fn failed_recordings_give_exit_code_1() {
    let folder = recordings(&[("a.wav", "hello"), ("b.wav", "fail")]);
    let arguments = ["transcribe", "@/calls", "@/gone.wav", "-o", "@/out", "--formats", "txt"];
    assert_eq!(code(folder.path(), &arguments), 1);
    assert_eq!(fs::read(folder.path().join("out/calls/a.txt")).unwrap(), b"hello\n");
}

#[test]
fn a_run_resumes() {
    let folder = recordings(&[("a.wav", "one"), ("b.wav", "fail")]);
    let job = "{apiVersion: verbatim.dev/v1alpha1, kind: TranscriptionJob, metadata: {name: x}, \
        spec: {source: {file: {path: calls}}, destination: {file: {path: out}, formats: [JSON, TXT]}}}";
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    assert_eq!(code(folder.path(), &["run", "-f", "@/job.yaml"]), 1);
    let first = fs::read(folder.path().join("out/a.json")).unwrap();
    let modified = || fs::metadata(folder.path().join("out/a.json")).unwrap().modified().unwrap();
    let before = modified();
    fs::write(folder.path().join("calls/b.wav"), "two").unwrap();
    assert_eq!(code(folder.path(), &["run", "-f", "@/job.yaml", "--log-format", "json"]), 0);
    assert_eq!((fs::read(folder.path().join("out/a.json")).unwrap(), modified()), (first, before));
    assert_eq!(fs::read(folder.path().join("out/b.txt")).unwrap(), b"two\n");
}

#[test]
fn leftovers_of_a_killed_run_are_removed_even_without_work() {
    let folder = recordings(&[("a.wav", "one")]);
    let arguments = ["transcribe", "@/calls", "-o", "@/out", "--overwrite", "if-stale"];
    assert_eq!(code(folder.path(), &arguments), 0);
    let leftover = folder.path().join("out/.verbatim-killed.tmp");
    fs::write(&leftover, "half").unwrap();
    assert_eq!(code(folder.path(), &arguments), 0);
    assert!(!leftover.exists());
}

#[test]
fn conflicting_options_are_usage_errors() {
    let folder = recordings(&[("a.wav", "one")]);
    for (more, words) in [
        (&["--vad-threshold", "0.4", "--vad-negative-threshold", "0.5"][..], "--vad-negative-threshold"),
        (&["--vad-min-speech", "2000", "--vad-max-speech", "1"], "--vad-min-speech"),
        (&["-o", "@/talk.srt"], "-o names a folder"),
    ] {
        let arguments = [&["transcribe", "@/calls/a.wav"], more].concat();
        let error = verbatim(folder.path(), &arguments).unwrap_err();
        assert!(matches!(&error, CommandError::Usage(text) if text.contains(words)), "{error:?}");
    }
}
