//! Tests of the engine with real audio, the real model and its reference.

mod batched_gpu_graphs;
mod decode_bad_input;
mod decode_formats;
mod decode_streaming;
mod decode_times;
mod determinism;
mod formats_table;
mod golden;
mod loaded;
mod mixing;
mod silero_vad;
mod stop;
