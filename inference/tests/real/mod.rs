//! The real model and real speech, for tests that need them. A model that is not there fails the test.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of this")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use verbatim::assets::{self, Ready};
use verbatim::engine::audio::{AudioLimits, AudioStream};
use verbatim::engine::job::ChannelMode;

/// Name of the built-in model.
pub const MODEL: &str = "moonshine-tiny-en";

/// The model in the cache that the environment names.
#[track_caller]
pub fn model() -> Ready {
    assets::find(MODEL).unwrap_or_else(|error| panic!("run verbatim model pull: {error}"))
}

/// A recording that comes with the model: `two_cities.wav` (44 s) or `beckett.wav` (10 s).
#[track_caller]
pub fn sample(name: &str) -> PathBuf {
    model().folder.join("samples").join(name)
}

/// A recording's audio as the engine hears it: one channel at 16 kHz.
pub fn samples(path: &Path) -> Vec<f32> {
    let mut stream = AudioStream::open(path, ChannelMode::Mix, &AudioLimits::default()).unwrap();
    let mut all = Vec::new();
    while let Some(block) = stream.next_block().unwrap() {
        all.extend_from_slice(&block[0]);
    }
    all
}

/// Numbers that look random and are the same in every run (xorshift64).
pub struct Dice(u64);

impl Dice {
    /// `seed` must not be 0.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 16) % limit as u64) as usize
    }

    /// Puts items into another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Words in lower case, without punctuation.
pub fn words(text: &str) -> Vec<String> {
    let plain: String = text.chars().filter(|c| c.is_alphanumeric() || c.is_whitespace()).collect();
    plain.to_lowercase().split_whitespace().map(str::to_owned).collect()
}

/// Items that have to be put in, taken out or changed to make one list of the other.
pub fn edits<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let cost = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], cost);
        }
    }
    row[b.len()]
}

/// Words that differ between two texts, without regard to case and punctuation.
pub fn word_errors(a: &str, b: &str) -> usize {
    edits(&words(a), &words(b))
}

/// All files below a folder by their path from there, hidden ones too. JSON is without `processing`, the only part
/// that differs between two runs.
pub fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in std::fs::read_dir(&current).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut bytes = std::fs::read(&path).unwrap();
            if path.extension().is_some_and(|ending| ending == "json") {
                let mut transcript: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
                transcript.as_object_mut().unwrap().remove("processing");
                bytes = serde_json::to_vec_pretty(&transcript).unwrap();
            }
            found.insert(path.strip_prefix(folder).unwrap().to_owned(), bytes);
        }
    }
    found
}

/// Writes a manifest over the folder `audio` that writes into `out`, beside both, and gives its name.
pub fn manifest(folder: &Path, out: &str) -> String {
    let name = format!("{out}.yaml");
    let text = format!(
        "apiVersion: verbatim.dev/v1alpha1\nkind: TranscriptionJob\nmetadata: {{name: calls}}\nspec:\n  \
         source: {{file: {{path: audio}}}}\n  destination:\n    file: {{path: {out}}}\n    \
         formats: [JSON, SRT, VTT, TXT]\n"
    );
    std::fs::write(folder.join(&name), text).unwrap();
    name
}
