//! Voice activity detection as a stream: the result does not depend on how the audio arrives, and equals that
//! of the whole file in one run.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use ort::value::TensorRef;
use verbatim_engine::onnx_runtime::memory::MemoryOptions;
use verbatim_engine::onnx_runtime::runtime::Runtime;
use verbatim_engine::vad::silero::{SileroVad, VadStream, WINDOW};
use verbatim_fixtures::random::Xorshift;
use verbatim_fixtures::{decoded, model};

/// Samples before a window that the model needs as context. Source: the model's interface.
const CONTEXT: usize = 64;
/// Size of each of the model's states. Source: the model's interface.
const STATE: usize = 128;

/// Probabilities of a stream with blocks of the lengths from `next`.
fn streamed(vad: &mut SileroVad, audio: &[f32], mut next: impl FnMut() -> usize) -> Vec<f32> {
    let (mut stream, mut found, mut rest) = (VadStream::default(), Vec::new(), audio);
    while !rest.is_empty() {
        let (block, tail) = rest.split_at(next().min(rest.len()));
        vad.push(&mut stream, block, &mut found).unwrap();
        rest = tail;
    }
    vad.finish(stream, &mut found).unwrap();
    found
}

/// Probabilities of all windows in one run of the model.
fn at_once(runtime: &Runtime, audio: &[f32]) -> Vec<f32> {
    let windows = audio.len().div_ceil(WINDOW);
    let mut padded = vec![0.0; CONTEXT];
    padded.extend_from_slice(audio);
    padded.resize(CONTEXT + windows * WINDOW, 0.0);
    let input: Vec<f32> =
        (0..windows).flat_map(|w| padded[w * WINDOW..][..CONTEXT + WINDOW].iter().copied()).collect();
    let state = vec![0.0f32; STATE];
    let mut session = runtime.session(&model::model().folder.join("vad.onnx"), None, None).unwrap();
    let outputs = session
        .run(ort::inputs![
            "input" => TensorRef::from_array_view(([windows, CONTEXT + WINDOW], input.as_slice())).unwrap(),
            "h" => TensorRef::from_array_view(([1, 1, STATE], state.as_slice())).unwrap(),
            "c" => TensorRef::from_array_view(([1, 1, STATE], state.as_slice())).unwrap(),
        ])
        .unwrap();
    outputs["speech_probs"].try_extract_tensor::<f32>().unwrap().1.to_vec()
}

#[test]
fn a_stream_equals_the_whole_file() {
    let model = model::model();
    let runtime = Runtime::load(&model.library, MemoryOptions::default()).unwrap();
    let mut vad = SileroVad::load(&runtime, &model.folder).unwrap();
    for name in ["two_cities.wav", "beckett.wav"] {
        let audio = decoded::samples(&model::sample(name));
        let whole = streamed(&mut vad, &audio, || audio.len());
        assert_eq!(whole.len(), audio.len().div_ceil(WINDOW), "{name}: one probability per window");

        let mut random = Xorshift::new(0x5eed);
        for most in [1000, 1 + WINDOW, 50_000] {
            let blocks = streamed(&mut vad, &audio, || 1 + random.below(most));
            assert!(blocks == whole, "{name}: blocks of up to {most} samples change the probabilities");
        }

        let reference = at_once(&runtime, &audio);
        assert_eq!(reference.len(), whole.len());
        let difference = whole.iter().zip(&reference).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{name}: maximum difference {difference}");
        assert!(difference < 1e-4, "{name}: differs by {difference} from the whole file in one run");
        let (low, high) = whole.iter().fold((1.0f32, 0.0f32), |(l, h), p| (l.min(*p), h.max(*p)));
        assert!(low < 0.1 && high > 0.9, "{name} has speech and pauses: {low} to {high}");
    }
}

#[test]
fn streams_do_not_affect_each_other() {
    let model = model::model();
    let runtime = Runtime::load(&model.library, MemoryOptions::default()).unwrap();
    let mut vad = SileroVad::load(&runtime, &model.folder).unwrap();
    let one = decoded::samples(&model::sample("beckett.wav"));
    let other: Vec<f32> = one.iter().rev().copied().collect();
    let alone = [&one, &other].map(|audio| streamed(&mut vad, audio, || audio.len()));
    let mut streams = [VadStream::default(), VadStream::default()];
    let mut found = [Vec::new(), Vec::new()];
    for (a, b) in one.chunks(3000).zip(other.chunks(3000)) {
        vad.push(&mut streams[0], a, &mut found[0]).unwrap();
        vad.push(&mut streams[1], b, &mut found[1]).unwrap();
    }
    for (stream, found) in streams.into_iter().zip(&mut found) {
        vad.finish(stream, found).unwrap();
    }
    assert!(found == alone, "two interleaved streams give other probabilities than each alone");
}
