//! The command line without a model: help, usage errors, configuration errors.

use std::{fs, path::Path};

use assert_cmd::Command;

fn verbatim() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verbatim"));
    command.env_remove("VERBATIM_LOG");
    command
}

/// Runs the program in `folder`. Returns exit code, standard output and standard error.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = verbatim().current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn run_here(arguments: &[&str]) -> (i32, String, String) {
    run(Path::new("."), arguments)
}

#[test]
fn help_matches_the_snapshots() {
    for (name, arguments) in [
        ("help", &["--help"][..]),
        ("help_transcribe", &["transcribe", "--help"]),
        ("help_run", &["run", "--help"]),
        ("help_worker", &["worker", "--help"]),
        ("help_status", &["status", "--help"]),
        ("help_model", &["model", "--help"]),
    ] {
        let (code, out, err) = run_here(arguments);
        assert_eq!((code, err.as_str()), (0, ""));
        insta::assert_snapshot!(name, out);
    }
}

#[test]
fn version_is_printed() {
    let (code, out, _) = run_here(&["--version"]);
    assert_eq!((code, out), (0, format!("verbatim {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn invalid_arguments_are_usage_errors() {
    for arguments in [
        &[][..],
        &["transcribe"],
        &["transcribe", "a.wav", "--formats", "pdf"],
        &["transcribe", "a.wav", "--device", "gpu"],
        &["transcribe", "a.wav", "--threads", "0"],
        &["transcribe", "a.wav", "--vad-threshold", "1.5"],
        &["transcribe", "a.wav", "--max-padded-seconds", "0"],
        &["transcribe", "a.wav", "--channels", "both"],
        &["run"],
        &["frobnicate"],
    ] {
        let (code, out, err) = run_here(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(err.contains("Usage: verbatim") || err.contains("try '--help'"), "{err}");
    }
}

#[test]
fn several_recordings_need_an_output_folder() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.wav", "b.mp3"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let (code, out, err) = run(folder.path(), &["transcribe", "."]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(err, "error: 2 recordings were found: say with -o FOLDER where their transcripts go\n");
}

#[test]
fn standard_output_takes_one_format() {
    let (code, _, err) = run_here(&["transcribe", "a.wav", "--formats", "srt,vtt"]);
    assert_eq!(code, 2);
    assert_eq!(
        err,
        "error: standard output takes one format: choose one with --formats, or a folder with -o\n"
    );
}

#[test]
fn colliding_transcript_names_are_usage_errors() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["x", "y\n"] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("a.wav"), "").unwrap();
    }
    let (code, _, err) = run(folder.path(), &["transcribe", "x/a.wav", "y\n/a.wav", "-o", "out"]);
    assert_eq!(code, 2);
    assert_eq!(
        err,
        "error: x/a.wav and y\\n/a.wav would both be written to out/a.wav.json: rename one, or transcribe them \
         into different folders\n"
    );
    assert!(!folder.path().join("out").exists());
}

#[test]
fn nothing_to_do_is_reported_and_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "words").unwrap();
    let (code, out, err) = run(folder.path(), &["transcribe", ".", "-o", "out"]);
    assert_eq!((code, out.as_str()), (0, ""));
    assert_eq!(err, "Nothing to do: no recordings were found; left out: 1 file that is not audio\n");
    let (code, _, err) = run(folder.path(), &["transcribe", ".", "-o", "out", "--quiet"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let (_, _, err) = run(folder.path(), &["transcribe", ".", "-o", "out", "--log-format", "json"]);
    let line: serde_json::Value = serde_json::from_str(&err).unwrap();
    assert!(line["message"].as_str().unwrap().starts_with("Nothing to do"), "{line}");
}

#[test]
fn a_missing_model_is_a_configuration_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.wav"), "").unwrap();
    let arguments = ["transcribe", "a.wav", "-o", "out", "--model", "no-such-model"];
    let (code, out, err) = run(folder.path(), &arguments);
    assert_eq!((code, out.as_str()), (78, ""));
    assert!(err.starts_with("error: ") && err.contains("no-such-model"), "{err}");
    assert!(!folder.path().join("out").exists());
}

#[test]
fn an_invalid_manifest_is_a_configuration_error() {
    let folder = tempfile::tempdir().unwrap();
    let job = |spec: &str| {
        format!(
            "apiVersion: verbatim.dev/v1alpha1\nkind: TranscriptionJob\nmetadata: {{name: x}}\nspec: {spec}\n"
        )
    };
    for (spec, words) in [
        ("{sorce: {file: {path: calls}}, destination: {file: {path: out}}}", "source"),
        ("{source: {file: {path: gone}}, destination: {file: {path: out}}}", "gone"),
        (
            "{source: {s3: {bucket: calls}}, destination: {file: {path: out}}, \
             storage: {endpoint: 'http://127.0.0.1:9', anonymous: true}}",
            "storage.endpoint",
        ),
    ] {
        fs::write(folder.path().join("job.yaml"), job(spec)).unwrap();
        let (code, out, err) = run(folder.path(), &["run", "-f", "job.yaml"]);
        assert_eq!((code, out.as_str()), (78, ""), "{err}");
        assert!(err.starts_with("error: ") && err.contains(words), "{err}");
    }
    let (code, _, err) = run(folder.path(), &["run", "-f", "missing.yaml"]);
    assert_eq!(code, 78);
    assert!(err.contains("missing.yaml"), "{err}");
    let suspended = job("{suspend: true, source: {file: {path: gone}}, destination: {file: {path: out}}}");
    fs::write(folder.path().join("job.yaml"), suspended).unwrap();
    assert_eq!(run(folder.path(), &["run", "-f", "job.yaml"]).0, 0);
}

#[test]
fn errors_are_json_objects_on_request() {
    let (code, _, err) = run_here(&["run", "-f", "missing.yaml", "--log-format", "json"]);
    assert_eq!(code, 78);
    let line: serde_json::Value = serde_json::from_str(&err).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert!(line["message"].as_str().unwrap().contains("missing.yaml"), "{line}");
}
