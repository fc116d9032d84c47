//! The segments of a file (texts, times, scores) are byte-identical for any budget, number of threads and
//! order of files.
//!
//! Uses a dozen pieces of the demo recordings, and a dozen of Debian's Asterisk prompts where these are
//! installed. `make accept` does the same with all prompts.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use verbatim_fixtures::random::Xorshift;
use verbatim_fixtures::wav::Wav;
use verbatim_fixtures::{decoded, model};
use verbatim_protocol::event::Event;
use verbatim_protocol::transcriber::transcribe_all;

use crate::loaded::{engine, task};

/// Folder of Debian's package `asterisk-core-sounds-en-wav`.
const PROMPTS: &str = "/usr/share/asterisk/sounds/en_US_f_Allison";
/// Minimum size of a prompt; shorter ones are single words. A second at 8 kHz and 16 bits has 16 kB.
const PROMPT_BYTES: u64 = 32_000;

fn transcripts(files: &[PathBuf], budget: f64, threads: usize) -> BTreeMap<PathBuf, String> {
    let mut engine = engine(budget, threads);
    let tasks = files.iter().cloned().enumerate().map(|(id, path)| task(id, path));
    let mut found = BTreeMap::new();
    let mut on_event = |event| match event {
        Event::Begun { .. } | Event::Progress { .. } => {}
        Event::Done { id, result } => {
            let segments = serde_json::to_string(&result.segments).unwrap();
            assert!(found.insert(files[id].clone(), segments).is_none(), "{id} is answered twice");
        }
        Event::Failed { id, failure } => panic!("{}: {failure:?}", files[id].display()),
    };
    transcribe_all(engine.as_mut(), tasks, &mut on_event, &AtomicBool::new(false));
    found
}

/// Pieces of two_cities.wav, 1 to 9 s long, of irregular lengths.
fn pieces(folder: &Path) -> Vec<PathBuf> {
    let audio = decoded::samples(&model::sample("two_cities.wav"));
    let mut random = Xorshift::new(7);
    let mut from = 0;
    (0..12)
        .map(|n| {
            let to = (from + 16_001 + random.below(8 * 16_000)).min(audio.len());
            let path = folder.join(format!("piece-{n}.wav"));
            std::fs::write(&path, Wav::s16(16_000, &[audio[from..to].to_vec()]).bytes()).unwrap();
            from = if to == audio.len() { 1234 * n } else { to };
            path
        })
        .collect()
}

/// A dozen prompts from the whole alphabet; none if they are not installed.
fn prompts() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(PROMPTS) else {
        eprintln!("{PROMPTS} is missing: testing without Asterisk's prompts");
        return Vec::new();
    };
    let mut all: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "wav"))
        .filter(|path| path.metadata().unwrap().len() > PROMPT_BYTES)
        .collect();
    all.sort();
    let step = (all.len() / 12).max(1);
    all.into_iter().step_by(step).take(12).collect()
}

#[test]
fn segments_do_not_depend_on_budget_threads_and_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = vec![model::sample("two_cities.wav"), model::sample("beckett.wav")];
    files.extend(pieces(folder.path()));
    files.extend(prompts());
    // A budget shorter than any segment: one segment at a time.
    let reference = transcripts(&files, 0.5, 1);
    assert_eq!(reference.len(), files.len());
    let with_text = reference.values().filter(|segments| *segments != "[]").count();
    assert!(with_text * 10 >= files.len() * 9, "{with_text} of {} files have text", files.len());

    let mut random = Xorshift::new(11);
    for (budget, threads) in [(60.0, 1), (480.0, 1), (0.5, 2), (60.0, 2), (480.0, 2)] {
        random.shuffle(&mut files);
        let found = transcripts(&files, budget, threads);
        for (path, segments) in &reference {
            assert_eq!(found.get(path), Some(segments), "{} at {budget} s, {threads}", path.display());
        }
    }
}
