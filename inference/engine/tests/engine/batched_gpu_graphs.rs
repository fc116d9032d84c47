//! Graphs for a GPU, run on the CPU: padding does not affect results, and texts match those of the graphs for
//! a CPU.
//!
//! These tests need the model and its graphs for a GPU (`verbatim model pull --gpu`), so they run only on
//! request:
//! `cargo test -p verbatim-engine --test engine batched_gpu_graphs -- --ignored`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::sync::{Arc, LazyLock};

use verbatim_engine::moonshine::SharedModel;
use verbatim_engine::moonshine::cpu::CpuRecognizer;
use verbatim_engine::moonshine::gpu::GpuRecognizer;
use verbatim_engine::onnx_runtime::memory::MemoryOptions;
use verbatim_engine::onnx_runtime::provider::{CudaOptions, Provider};
use verbatim_engine::onnx_runtime::runtime::Runtime;
use verbatim_engine::recognizer::{Recognition, Recognizer};
use verbatim_engine::vad::segmenter::Segmenter;
use verbatim_engine::vad::silero::{SileroVad, VadStream};
use verbatim_fixtures::edit_distance::edit_distance;
use verbatim_fixtures::{decoded, model, signal};
use verbatim_models::InstalledModel;
use verbatim_protocol::options::VadOptions;
use verbatim_protocol::task::ChannelMode;

/// Batch budget that fits all segments at once.
const SECONDS: f64 = 960.0;

/// Shared by all tests, because a process has one ONNX Runtime.
static SETUP: LazyLock<Setup> = LazyLock::new(Setup::new);

struct Setup {
    model: InstalledModel,
    runtime: Arc<Runtime>,
    shared: Arc<SharedModel>,
}

impl Setup {
    fn new() -> Self {
        let model = model::model();
        let runtime = Runtime::load(&model.library, MemoryOptions::default()).unwrap();
        let shared = Arc::new(SharedModel::load(&model.folder).unwrap());
        Self { model, runtime, shared }
    }

    fn gpu_recognizer(&self, seconds: f64) -> GpuRecognizer {
        let folder = self.model.gpu_folder.as_ref().unwrap();
        GpuRecognizer::new(&self.runtime, folder, &self.shared, Provider::Cpu, seconds).unwrap()
    }

    /// Segments of the two demo recordings, as the engine cuts them, plus silence and a hum.
    fn segments(&self, recognizer: &dyn Recognizer) -> Vec<Vec<f32>> {
        let mut vad = SileroVad::load(&self.runtime, &self.model.folder).unwrap();
        let mut segments = vec![vec![0.0; 16_000], signal::sampled(signal::right, 16_000, 2.0)];
        for name in ["two_cities.wav", "beckett.wav"] {
            let path: &Path = &self.model.folder.join("samples").join(name);
            let samples = decoded::decode(path, ChannelMode::Mix).unwrap().channels.remove(0);
            let (mut stream, mut speech, mut spans) = (VadStream::default(), Vec::new(), Vec::new());
            vad.push(&mut stream, &samples, &mut speech).unwrap();
            vad.finish(stream, &mut speech).unwrap();
            let mut segmenter = Segmenter::new(&VadOptions::default(), recognizer.lengths().max_seconds);
            segmenter.push(&speech, &mut spans);
            segmenter.finish(samples.len(), &mut spans);
            segments.extend(spans.iter().map(|span| samples[span.samples.clone()].to_vec()));
        }
        for segment in &mut segments {
            segment.resize(recognizer.lengths().fit(segment.len()), 0.0);
        }
        segments
    }
}

/// Results for segments that are admitted all at once, in their order.
fn recognise(recognizer: &mut dyn Recognizer, segments: &[Vec<f32>]) -> Vec<Recognition> {
    let utterances: Vec<(u64, &[f32])> = (0..).zip(segments.iter().map(Vec::as_slice)).collect();
    recognizer.admit(&utterances).unwrap();
    let mut done = vec![None; segments.len()];
    // More steps than the token budgets of all segments together.
    for _ in 0..500 * segments.len() {
        for (id, recognition) in recognizer.step().unwrap() {
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

#[test]
#[ignore = "needs the model's graphs for a GPU"]
fn a_batch_equals_single_segments_and_nearly_the_graphs_for_a_cpu() {
    let setup = &*SETUP;
    let mut recognizer = setup.gpu_recognizer(SECONDS);
    let segments = setup.segments(&recognizer);
    let together = recognise(&mut recognizer, &segments);
    let mut alone = Vec::new();
    for segment in &segments {
        alone.extend(recognise(&mut recognizer, std::slice::from_ref(segment)));
    }
    for (index, (a, b)) in alone.iter().zip(&together).enumerate() {
        assert_eq!(a.text, b.text, "segment {index}");
        assert!((a.avg_logprob - b.avg_logprob).abs() < 1e-3, "segment {index}: {a:?} {b:?}");
    }
    // A small budget splits the segments into several batches.
    assert_eq!(texts(&recognise(&mut setup.gpu_recognizer(20.0), &segments)), texts(&together));

    let mut cpu_recognizer = CpuRecognizer::new(&setup.runtime, &setup.model.folder, &setup.shared).unwrap();
    let on_cpu = recognise(&mut cpu_recognizer, &segments);
    for (index, (cpu, gpu)) in on_cpu.iter().zip(&together).enumerate() {
        if cpu.text != gpu.text {
            println!("segment {index}\n  cpu {}\n  gpu {}", cpu.text, gpu.text);
        }
    }
    let (cpu, gpu) = (words(&on_cpu), words(&together));
    let differing = edit_distance(&cpu, &gpu);
    println!("{differing} of {} words differ", cpu.len());
    assert!(cpu.len() > 100, "{cpu:?}");
    // 8-bit activations against floats: one word of fifty may differ.
    assert!(differing * 50 <= cpu.len(), "{differing} of {} words differ", cpu.len());
}

fn texts(all: &[Recognition]) -> Vec<&str> {
    all.iter().map(|r| r.text.as_str()).collect()
}

#[test]
#[ignore = "needs the model's graphs for a GPU"]
fn utterances_join_while_a_batch_is_in_flight_and_releasing_memory_drops_all() {
    let setup = &*SETUP;
    let mut recognizer = setup.gpu_recognizer(SECONDS);
    let segments = setup.segments(&recognizer);
    let alone = recognise(&mut recognizer, &segments[2..4]);

    recognizer.admit(&[(0, &segments[2])]).unwrap();
    let mut done = recognizer.step().unwrap();
    recognizer.admit(&[(1, &segments[3])]).unwrap();
    for _ in 0..1000 {
        done.extend(recognizer.step().unwrap());
    }
    done.sort_by_key(|(id, _)| *id);
    let done: Vec<Recognition> = done.into_iter().map(|(_, recognition)| recognition).collect();
    assert_eq!(texts(&done), texts(&alone));

    recognizer.admit(&[(5, &segments[2]), (6, &segments[3])]).unwrap();
    recognizer.step().unwrap();
    recognizer.release_memory();
    assert_eq!(recognizer.step().unwrap(), []);
    assert_eq!(texts(&recognise(&mut recognizer, &segments[2..4])), texts(&alone));
}

#[test]
#[ignore = "needs the model's graphs for a GPU"]
fn a_provider_that_fails_to_start_is_an_error_without_fallback_to_the_cpu() {
    let setup = &*SETUP;
    let folder = setup.model.gpu_folder.as_ref().unwrap();
    // No machine has this device, so that it fails with and without CUDA.
    let cuda = Provider::Cuda(CudaOptions { device: 4096, memory_limit: None });
    assert!(GpuRecognizer::new(&setup.runtime, folder, &setup.shared, cuda, SECONDS).is_err());
}
