//! Pipeline from files to results.
//!
//! Decode workers (a file each) decode audio and cut it into segments. Inference workers (a thread with a
//! model each) run the model. The collector, on the caller's thread, assembles the results of the files.
//! Between decode and inference workers is the segment queue, which bounds memory.

mod batch;
mod collector;
mod decode_worker;
mod inference_worker;
mod run_state;
mod segment_file;
mod segment_queue;
pub(crate) mod transcribe;
mod worker_message;
