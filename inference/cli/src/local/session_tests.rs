use std::{
    fs, io,
    path::Path,
    sync::{Mutex, atomic::AtomicBool},
};

use super::{
    done::{Origin, Overwrite},
    plan::{Item, Target},
    session::Run,
    testing::{Notes, Scripted},
};
use crate::output::format::Format;
use verbatim_protocol::task::FileOverrides;
use verbatim_protocol::transcript::Transcript;

/// A folder with recordings, and what a run over them tells and hears.
struct Bench {
    folder: tempfile::TempDir,
    items: Vec<Item>,
    formats: Vec<Format>,
    overwrite: Overwrite,
    origin: Origin,
}

impl Bench {
    fn new(recordings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let items = recordings.iter().map(|(name, text)| {
            let path = folder.path().join(name).with_extension("wav");
            fs::write(&path, text).unwrap();
            let target = Target::Files { folder: folder.path().join("out"), stem: (*name).into() };
            let name = format!("calls/{name}.wav").into();
            Item {
                path,
                name,
                bytes: text.len() as u64,
                target,
                failure: None,
                overrides: FileOverrides::default(),
            }
        });
        let items = items.collect();
        let origin = Origin { model: "sha256:1".to_owned(), config: "sha256:2".to_owned() };
        let formats = vec![Format::Json, Format::Txt];
        Self { folder, items, formats, overwrite: Overwrite::IfStale, origin }
    }

    /// What was told, and the files that the engine was given.
    fn run(&self) -> (Vec<String>, Vec<String>) {
        let (notes, mut engine) = (Notes::default(), Scripted::default());
        let run = Run {
            items: &self.items,
            formats: &self.formats,
            overwrite: self.overwrite,
            origin: self.origin.clone(),
            watcher: &notes,
            stdout: &|_| Err(io::ErrorKind::BrokenPipe.into()),
        };
        run.run(&mut engine, &AtomicBool::new(false));
        (notes.sorted(), engine.heard)
    }

    fn out(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("out").join(name)
    }

    fn transcript(&self, name: &str) -> Transcript {
        serde_json::from_slice(&fs::read(self.out(name)).unwrap()).unwrap()
    }
}

#[test]
fn one_failure_does_not_touch_the_others() {
    let bench = Bench::new(&[("a", "hello"), ("b", "fail"), ("c", "silence")]);
    let (told, _) = bench.run();
    assert_eq!(told, ["0 done: hello", "1 failed: Corrupt: the data is damaged", "2 done: "]);
    let transcript = bench.transcript("a.json");
    assert_eq!(transcript.source.name, "a.wav");
    assert_eq!((transcript.text.as_str(), transcript.duration), ("hello", 3.0));
    assert_eq!(transcript.config_digest, "sha256:2");
    assert!((transcript.processing.real_time_factor - 0.25 / 3.0).abs() < 1e-9);
    assert_eq!(fs::read(bench.out("a.txt")).unwrap(), b"hello\n");
    assert!(bench.transcript("c.json").segments.is_empty());
    assert!(!bench.out("b.json").exists());
}

#[test]
fn what_is_done_is_skipped_and_what_is_stale_is_not() {
    let mut bench = Bench::new(&[("a", "one"), ("b", "two")]);
    bench.run();
    let before = fs::read(bench.out("a.json")).unwrap();
    assert_eq!(bench.run(), (vec!["0 skipped".to_owned(), "1 skipped".to_owned()], vec![]));

    // The same length: only the digest tells.
    fs::write(&bench.items[1].path, "TWO").unwrap();
    assert_eq!(bench.run().0, ["0 skipped", "1 done: TWO"]);

    bench.origin.config = "sha256:3".to_owned();
    assert_eq!(bench.run().1, ["a.wav", "b.wav"]);
    bench.origin.model = "sha256:other".to_owned();
    assert_eq!(bench.run().1, ["a.wav", "b.wav"]);
    assert_ne!(fs::read(bench.out("a.json")).unwrap(), before);

    bench.overwrite = Overwrite::Never;
    assert_eq!(bench.run().0, ["0 skipped", "1 skipped"]);
    bench.overwrite = Overwrite::Always;
    assert_eq!(bench.run().1, ["a.wav", "b.wav"]);
}

#[test]
fn json_that_is_not_ours_is_stale_and_never_is_never() {
    let mut bench = Bench::new(&[("a", "one")]);
    fs::create_dir(bench.folder.path().join("out")).unwrap();
    fs::write(bench.out("a.json"), "{\"text\":").unwrap();
    bench.overwrite = Overwrite::Never;
    assert_eq!(bench.run().0, ["0 skipped"]);
    bench.overwrite = Overwrite::IfStale;
    assert_eq!(bench.run().0, ["0 done: one"]);
}

#[test]
fn a_missing_format_is_rendered_from_the_json() {
    let mut bench = Bench::new(&[("a", "one")]);
    bench.run();
    bench.formats.push(Format::Srt);
    fs::remove_file(bench.out("a.txt")).unwrap();
    assert_eq!(bench.run(), (vec!["0 rendered".to_owned()], vec![]));
    assert_eq!(fs::read(bench.out("a.txt")).unwrap(), b"one\n");
    assert!(fs::read_to_string(bench.out("a.srt")).unwrap().contains("one"));
}

#[test]
fn without_json_nothing_tells_what_is_fresh() {
    let mut bench = Bench::new(&[("a", "one")]);
    bench.formats = vec![Format::Txt];
    bench.run();
    assert_eq!(bench.run().1, ["a.wav"]);
    bench.overwrite = Overwrite::Never;
    assert_eq!(bench.run().0, ["0 skipped"]);
}

#[test]
fn a_stop_leaves_what_is_done_and_begins_no_more() {
    let bench = Bench::new(&[("a", "one"), ("b", "stop"), ("c", "three")]);
    let (told, heard) = bench.run();
    assert_eq!(told, ["0 done: one", "1 failed: Interrupted: the run was interrupted"]);
    assert_eq!(heard, ["a.wav", "b.wav"]);
    assert!(bench.out("a.json").exists());

    // Going on gives what an undisturbed run gives.
    fs::write(&bench.items[1].path, "two").unwrap();
    assert_eq!(bench.run().0, ["0 skipped", "1 done: two", "2 done: three"]);
}

#[test]
fn nothing_is_transcribed_that_cannot_be_written() {
    let mut bench = Bench::new(&[("a", "one"), ("b", "two")]);
    fs::write(bench.folder.path().join("out"), "a file").unwrap();
    let elsewhere = bench.folder.path().join("elsewhere");
    bench.items[1].target = Target::Files { folder: elsewhere.clone(), stem: "b".into() };
    let (told, heard) = bench.run();
    assert!(told[0].starts_with("0 failed: WriteFailed: failed to make the folder"), "{told:?}");
    assert_eq!(told[1], "1 done: two");
    assert_eq!(heard, ["b.wav"]);
    assert!(elsewhere.join("b.json").exists());
}

#[test]
fn a_file_that_cannot_be_renamed_over_fails_alone() {
    let bench = Bench::new(&[("a", "one"), ("b", "two")]);
    fs::create_dir_all(bench.out("a.txt")).unwrap();
    let (told, _) = bench.run();
    assert!(told[0].starts_with("0 failed: WriteFailed: failed to put"), "{told:?}");
    assert_eq!(told[1], "1 done: two");
    // JSON comes last: it is not there for a file that is not done.
    assert!(!bench.out("a.json").exists());
}

#[test]
fn standard_output_takes_a_transcript() {
    let mut bench = Bench::new(&[("a", "one")]);
    bench.items[0].target = Target::Stdout(Format::Txt);
    let (notes, mut engine, printed) = (Notes::default(), Scripted::default(), Mutex::new(Vec::new()));
    let run = Run {
        items: &bench.items,
        formats: &bench.formats,
        overwrite: Overwrite::Always,
        origin: bench.origin.clone(),
        watcher: &notes,
        stdout: &|bytes| {
            printed.lock().unwrap().extend_from_slice(bytes);
            Ok(())
        },
    };
    run.run(&mut engine, &AtomicBool::new(false));
    assert_eq!(printed.into_inner().unwrap(), b"one\n");
    assert!(!Path::exists(&bench.folder.path().join("out")));
    assert!(bench.run().0[0].starts_with("0 failed: WriteFailed: failed to write to standard output"));
}
