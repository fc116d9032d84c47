//! The engine against real audio, the real model and its reference.

mod batched_gpu_graphs;
mod decode_bad_input;
mod decode_formats;
mod decode_streaming;
mod exact;
mod golden;
mod vad;
