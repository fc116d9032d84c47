use std::path::Path;
use std::sync::{Mutex, atomic::AtomicBool};
use std::{fs, io};

use verbatim_crds::destination::{Format, Overwrite};
use verbatim_protocol::task::FileOverrides;
use verbatim_protocol::transcript::Transcript;

use super::plan::{Recording, Target};
use super::run::run;
use super::run_input::{Origin, RunInput};
use super::testing::{RecordedEvents, Scripted};

/// A folder with recordings, and the input of a run over them.
struct Fixture {
    folder: tempfile::TempDir,
    recordings: Vec<Recording>,
    formats: Vec<Format>,
    overwrite: Overwrite,
    origin: Origin,
}

impl Fixture {
    fn new(recordings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let recordings = recordings.iter().map(|(name, text)| {
            let path = folder.path().join(name).with_extension("wav");
            fs::write(&path, text).unwrap();
            let target = Target::Files { folder: folder.path().join("out"), stem: (*name).into() };
            let name = format!("calls/{name}.wav").into();
            Recording {
                path,
                name,
                bytes: text.len() as u64,
                target,
                failure: None,
                overrides: FileOverrides::default(),
            }
        });
        let recordings = recordings.collect();
        let origin = Origin { model: "sha256:1".to_owned(), config: "sha256:2".to_owned() };
        let formats = vec![Format::Json, Format::Txt];
        Self { folder, recordings, formats, overwrite: Overwrite::IfStale, origin }
    }

    /// Events of a run, and the files of the engine's tasks.
    fn run(&self) -> (Vec<String>, Vec<String>) {
        let (events, mut engine) = (RecordedEvents::default(), Scripted::default());
        let input = RunInput {
            recordings: &self.recordings,
            formats: &self.formats,
            overwrite: self.overwrite,
            origin: self.origin.clone(),
            listener: &events,
            stdout: &|_| Err(io::ErrorKind::BrokenPipe.into()),
        };
        run(&input, &mut engine, &AtomicBool::new(false));
        (events.sorted(), engine.tasks)
    }

    fn out(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("out").join(name)
    }

    fn transcript(&self, name: &str) -> Transcript {
        serde_json::from_slice(&fs::read(self.out(name)).unwrap()).unwrap()
    }
}

#[test]
fn a_failure_does_not_affect_other_files() {
    let fixture = Fixture::new(&[("a", "hello"), ("b", "fail"), ("c", "silence")]);
    let (events, _) = fixture.run();
    assert_eq!(events, ["0 done: hello", "1 failed: Corrupt: the data is damaged", "2 done: "]);
    let transcript = fixture.transcript("a.json");
    assert_eq!(transcript.source.name, "a.wav");
    assert_eq!((transcript.text.as_str(), transcript.duration), ("hello", 3.0));
    assert_eq!(transcript.config_digest, "sha256:2");
    assert!((transcript.processing.real_time_factor - 0.25 / 3.0).abs() < 1e-9);
    assert_eq!(fs::read(fixture.out("a.txt")).unwrap(), b"hello\n");
    assert!(fixture.transcript("c.json").segments.is_empty());
    assert!(!fixture.out("b.json").exists());
}

#[test]
fn fresh_transcripts_are_skipped_and_stale_ones_are_not() {
    let mut fixture = Fixture::new(&[("a", "one"), ("b", "two")]);
    fixture.run();
    let before = fs::read(fixture.out("a.json")).unwrap();
    assert_eq!(fixture.run(), (vec!["0 skipped".to_owned(), "1 skipped".to_owned()], vec![]));

    // The same length: only the digest differs.
    fs::write(&fixture.recordings[1].path, "TWO").unwrap();
    assert_eq!(fixture.run().0, ["0 skipped", "1 done: TWO"]);

    fixture.origin.config = "sha256:3".to_owned();
    assert_eq!(fixture.run().1, ["a.wav", "b.wav"]);
    fixture.origin.model = "sha256:other".to_owned();
    assert_eq!(fixture.run().1, ["a.wav", "b.wav"]);
    assert_ne!(fs::read(fixture.out("a.json")).unwrap(), before);

    fixture.overwrite = Overwrite::Never;
    assert_eq!(fixture.run().0, ["0 skipped", "1 skipped"]);
    fixture.overwrite = Overwrite::Always;
    assert_eq!(fixture.run().1, ["a.wav", "b.wav"]);
}

#[test]
fn invalid_json_is_stale_and_never_keeps_it() {
    let mut fixture = Fixture::new(&[("a", "one")]);
    fs::create_dir(fixture.folder.path().join("out")).unwrap();
    fs::write(fixture.out("a.json"), "{\"text\":").unwrap();
    fixture.overwrite = Overwrite::Never;
    assert_eq!(fixture.run().0, ["0 skipped"]);
    fixture.overwrite = Overwrite::IfStale;
    assert_eq!(fixture.run().0, ["0 done: one"]);
}

#[test]
fn a_missing_format_is_rendered_from_the_json() {
    let mut fixture = Fixture::new(&[("a", "one")]);
    fixture.run();
    fixture.formats.push(Format::Srt);
    fs::remove_file(fixture.out("a.txt")).unwrap();
    assert_eq!(fixture.run(), (vec!["0 rendered".to_owned()], vec![]));
    assert_eq!(fs::read(fixture.out("a.txt")).unwrap(), b"one\n");
    assert!(fs::read_to_string(fixture.out("a.srt")).unwrap().contains("one"));
}

#[test]
fn without_json_there_is_no_evidence_of_freshness() {
    let mut fixture = Fixture::new(&[("a", "one")]);
    fixture.formats = vec![Format::Txt];
    fixture.run();
    assert_eq!(fixture.run().1, ["a.wav"]);
    fixture.overwrite = Overwrite::Never;
    assert_eq!(fixture.run().0, ["0 skipped"]);
}

#[test]
fn a_stop_keeps_finished_transcripts_and_begins_no_more() {
    let fixture = Fixture::new(&[("a", "one"), ("b", "stop"), ("c", "three")]);
    let (events, tasks) = fixture.run();
    assert_eq!(events, ["0 done: one", "1 failed: Interrupted: the run was interrupted"]);
    assert_eq!(tasks, ["a.wav", "b.wav"]);
    assert!(fixture.out("a.json").exists());

    // A resumed run gives the result of an undisturbed one.
    fs::write(&fixture.recordings[1].path, "two").unwrap();
    assert_eq!(fixture.run().0, ["0 skipped", "1 done: two", "2 done: three"]);
}

#[test]
fn no_recording_is_transcribed_whose_folder_cannot_be_written() {
    let mut fixture = Fixture::new(&[("a", "one"), ("b", "two")]);
    fs::write(fixture.folder.path().join("out"), "a file").unwrap();
    let elsewhere = fixture.folder.path().join("elsewhere");
    fixture.recordings[1].target = Target::Files { folder: elsewhere.clone(), stem: "b".into() };
    let (events, tasks) = fixture.run();
    assert!(events[0].starts_with("0 failed: WriteFailed: failed to create the folder"), "{events:?}");
    assert_eq!(events[1], "1 done: two");
    assert_eq!(tasks, ["b.wav"]);
    assert!(elsewhere.join("b.json").exists());
}

#[test]
fn a_file_that_cannot_be_replaced_fails_alone() {
    let fixture = Fixture::new(&[("a", "one"), ("b", "two")]);
    fs::create_dir_all(fixture.out("a.txt")).unwrap();
    let (events, _) = fixture.run();
    let expected = "0 failed: WriteFailed: failed to rename the temporary file";
    assert!(events[0].starts_with(expected), "{events:?}");
    assert_eq!(events[1], "1 done: two");
    // JSON is written last: it is missing where another format is.
    assert!(!fixture.out("a.json").exists());
}

#[test]
fn a_transcript_goes_to_standard_output() {
    let mut fixture = Fixture::new(&[("a", "one")]);
    fixture.recordings[0].target = Target::Stdout(Format::Txt);
    let (events, mut engine, printed) =
        (RecordedEvents::default(), Scripted::default(), Mutex::new(Vec::new()));
    let input = RunInput {
        recordings: &fixture.recordings,
        formats: &fixture.formats,
        overwrite: Overwrite::Always,
        origin: fixture.origin.clone(),
        listener: &events,
        stdout: &|bytes| {
            printed.lock().unwrap().extend_from_slice(bytes);
            Ok(())
        },
    };
    run(&input, &mut engine, &AtomicBool::new(false));
    assert_eq!(printed.into_inner().unwrap(), b"one\n");
    assert!(!Path::exists(&fixture.folder.path().join("out")));
    assert!(fixture.run().0[0].starts_with("0 failed: WriteFailed: failed to write to standard output"));
}
