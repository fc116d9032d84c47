//! Moonshine on a GPU: float arithmetic by standard operators, in padded batches.

mod batch_plan;
mod graphs;
mod recognizer;

pub use recognizer::GpuRecognizer;
