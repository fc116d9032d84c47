//! What the vendor's own graphs say, and what ours say of the same segments.
//!
//! golden/moonshine.json was made by `make golden`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod real;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Deserialize;
use verbatim::engine::family::{Family, Recognition};
use verbatim::engine::moonshine::{Moonshine, Shared};
use verbatim::engine::runtime::{MemoryOptions, Runtime};

/// A segment, and what the vendor's graphs made of it.
#[derive(Deserialize)]
struct Golden {
    wav: String,
    start_sample: usize,
    end_sample: usize,
    text: String,
    avg_logprob: f64,
}

/// What our model makes of all segments, in one batch.
fn recognised(golden: &[Golden]) -> BTreeMap<u64, Recognition> {
    let model = real::model();
    let runtime = Runtime::load(&model.library, MemoryOptions::default()).unwrap();
    let shared = Arc::new(Shared::load(&model.folder).unwrap());
    let mut family = Moonshine::new(&runtime, &model.folder, &shared).unwrap();
    let mut recordings: HashMap<&str, Vec<f32>> = HashMap::new();
    for Golden { wav, .. } in golden {
        recordings.entry(wav).or_insert_with(|| real::samples(&real::sample(wav)));
    }
    let segments: Vec<Vec<f32>> = golden
        .iter()
        .map(|g| {
            let audio = &recordings[g.wav.as_str()];
            let mut samples = audio[g.start_sample..g.end_sample.min(audio.len())].to_vec();
            samples.resize(family.lengths().padded(samples.len()), 0.0);
            samples
        })
        .collect();
    let utterances: Vec<(u64, &[f32])> = (0..).zip(segments.iter().map(Vec::as_slice)).collect();
    family.admit(&utterances).unwrap();
    let mut found = BTreeMap::new();
    while found.len() < golden.len() {
        found.extend(family.step().unwrap());
    }
    found
}

#[test]
fn the_text_is_that_of_the_vendors_graphs() {
    let golden: Vec<Golden> = serde_json::from_str(include_str!("golden/moonshine.json")).unwrap();
    for (id, ours) in recognised(&golden) {
        let g = &golden[id as usize];
        println!(
            "{:.4} {}\n{:.4} {}  {}",
            g.avg_logprob,
            g.text,
            ours.avg_logprob,
            ours.text,
            real::word_errors(&g.text, &ours.text)
        );
    }
}
