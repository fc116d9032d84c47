//! The GPU's way through the model, run on the CPU: padding changes nothing, and it says what the CPU's lanes say.
//!
//! It needs the model and its graphs for a GPU (`verbatim model pull --gpu`), so it runs only when asked for:
//! `cargo test -p verbatim-engine --test engine batched_gpu_graphs -- --ignored`.

// Helpers of tests are not known as tests to the lint.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::{Arc, LazyLock};
use verbatim_fixtures::{decoded, signal};

use verbatim_engine::cuda::{CudaOptions, Provider};
use verbatim_engine::family::{Family, Recognition};
use verbatim_engine::moonshine::batched::Batched;
use verbatim_engine::moonshine::{Moonshine, Shared};
use verbatim_engine::runtime::{MemoryOptions, Runtime};
use verbatim_engine::segmenter::Segmenter;
use verbatim_engine::vad::{Vad, VadStream};
use verbatim_models as assets;
use verbatim_models::Ready;
use verbatim_protocol::options::VadOptions;
use verbatim_protocol::task::ChannelMode;

/// Room for all segments at once.
const SECONDS: f64 = 960.0;

/// A process has one ONNX Runtime.
static PLACE: LazyLock<Place> = LazyLock::new(Place::new);

struct Place {
    ready: Ready,
    runtime: Arc<Runtime>,
    shared: Arc<Shared>,
}

impl Place {
    fn new() -> Self {
        let ready = assets::find("moonshine-tiny-en").unwrap();
        let runtime = Runtime::load(&ready.library, MemoryOptions::default()).unwrap();
        let shared = Arc::new(Shared::load(&ready.folder).unwrap());
        Self { ready, runtime, shared }
    }

    fn batched(&self, seconds: f64) -> Batched {
        let folder = self.ready.batch_folder.as_ref().unwrap();
        Batched::new(&self.runtime, folder, &self.shared, Provider::Cpu, seconds).unwrap()
    }

    /// The segments of the two demo recordings, as the engine cuts them, and silence and a hum besides.
    fn segments(&self, family: &dyn Family) -> Vec<Vec<f32>> {
        let mut vad = Vad::load(&self.runtime, &self.ready.folder).unwrap();
        let mut segments = vec![vec![0.0; 16_000], signal::sampled(signal::right, 16_000, 2.0)];
        for name in ["two_cities.wav", "beckett.wav"] {
            let path: &Path = &self.ready.folder.join("samples").join(name);
            let samples = decoded::drain(path, ChannelMode::Mix).unwrap().channels.remove(0);
            let (mut stream, mut speech, mut spans) = (VadStream::default(), Vec::new(), Vec::new());
            vad.push(&mut stream, &samples, &mut speech).unwrap();
            vad.finish(stream, &mut speech).unwrap();
            let mut segmenter = Segmenter::new(&VadOptions::default(), family.lengths().max_seconds);
            segmenter.push(&speech, &mut spans);
            segmenter.finish(samples.len(), &mut spans);
            segments.extend(spans.iter().map(|span| samples[span.samples.clone()].to_vec()));
        }
        for segment in &mut segments {
            segment.resize(family.lengths().fitted(segment.len()), 0.0);
        }
        segments
    }
}

/// What a family makes of segments that are admitted all at once, in their order.
fn recognise(family: &mut dyn Family, segments: &[Vec<f32>]) -> Vec<Recognition> {
    let utterances: Vec<(u64, &[f32])> = (0..).zip(segments.iter().map(Vec::as_slice)).collect();
    family.admit(&utterances).unwrap();
    let mut done = vec![None; segments.len()];
    // More steps than all budgets together.
    for _ in 0..500 * segments.len() {
        for (id, recognition) in family.step().unwrap() {
            assert!(done[id as usize].replace(recognition).is_none(), "segment {id} came twice");
        }
        if done.iter().all(Option::is_some) {
            break;
        }
    }
    done.into_iter().map(|recognition| recognition.unwrap()).collect()
}

fn words(all: &[Recognition]) -> Vec<String> {
    let plain = |word: &str| word.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "");
    all.iter().flat_map(|r| r.text.split_whitespace().map(plain).collect::<Vec<_>>()).collect()
}

/// Words to insert, delete or replace to get from one to the other.
fn distance(a: &[String], b: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let best = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], best);
        }
    }
    row[b.len()]
}

#[test]
#[ignore = "needs the model's graphs for a GPU"]
fn a_batch_says_what_each_segment_says_alone_and_nearly_what_the_lanes_say() {
    let place = &*PLACE;
    let mut batched = place.batched(SECONDS);
    let segments = place.segments(&batched);
    let together = recognise(&mut batched, &segments);
    let mut alone = Vec::new();
    for segment in &segments {
        alone.extend(recognise(&mut batched, std::slice::from_ref(segment)));
    }
    for (index, (a, b)) in alone.iter().zip(&together).enumerate() {
        assert_eq!(a.text, b.text, "segment {index}");
        assert!((a.avg_logprob - b.avg_logprob).abs() < 1e-3, "segment {index}: {a:?} {b:?}");
    }
    // A batch of little room is cut into several.
    assert_eq!(texts(&recognise(&mut place.batched(20.0), &segments)), texts(&together));

    let mut lane = Moonshine::new(&place.runtime, &place.ready.folder, &place.shared).unwrap();
    let lanes = recognise(&mut lane, &segments);
    for (index, (lane, batch)) in lanes.iter().zip(&together).enumerate() {
        if lane.text != batch.text {
            println!("segment {index}\n  lane  {}\n  batch {}", lane.text, batch.text);
        }
    }
    let (lanes, batch) = (words(&lanes), words(&together));
    let apart = distance(&lanes, &batch);
    println!("{apart} of {} words differ", lanes.len());
    assert!(lanes.len() > 100, "{lanes:?}");
    // 8-bit activations against floats: a word in fifty may differ.
    assert!(apart * 50 <= lanes.len(), "{apart} of {} words differ", lanes.len());
}

fn texts(all: &[Recognition]) -> Vec<&str> {
    all.iter().map(|r| r.text.as_str()).collect()
}

#[test]
#[ignore = "needs the model's graphs for a GPU"]
fn utterances_join_while_a_batch_is_in_flight_and_forgetting_leaves_nothing() {
    let place = &*PLACE;
    let mut batched = place.batched(SECONDS);
    let segments = place.segments(&batched);
    let alone = recognise(&mut batched, &segments[2..4]);

    batched.admit(&[(0, &segments[2])]).unwrap();
    let mut done = batched.step().unwrap();
    batched.admit(&[(1, &segments[3])]).unwrap();
    for _ in 0..1000 {
        done.extend(batched.step().unwrap());
    }
    done.sort_by_key(|(id, _)| *id);
    let done: Vec<Recognition> = done.into_iter().map(|(_, recognition)| recognition).collect();
    assert_eq!(texts(&done), texts(&alone));

    batched.admit(&[(5, &segments[2]), (6, &segments[3])]).unwrap();
    batched.step().unwrap();
    batched.forget();
    assert_eq!(batched.step().unwrap(), []);
    assert_eq!(texts(&recognise(&mut batched, &segments[2..4])), texts(&alone));
}

#[test]
#[ignore = "needs the model's graphs for a GPU"]
fn a_provider_that_does_not_start_is_an_error_and_not_the_cpu() {
    let place = &*PLACE;
    let folder = place.ready.batch_folder.as_ref().unwrap();
    // A device that no machine has: with or without CUDA, this cannot work.
    let cuda = Provider::Cuda(CudaOptions { device: 4096, memory_limit: None });
    assert!(Batched::new(&place.runtime, folder, &place.shared, cuda, SECONDS).is_err());
}
