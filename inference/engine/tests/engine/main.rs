//! Tests of the engine with real audio, the real model and its reference.

mod batched_gpu_graphs;
mod decode_bad_input;
mod decode_formats;
mod decode_streaming;
mod determinism;
mod golden;
mod loaded;
mod silero_vad;
mod stop;
