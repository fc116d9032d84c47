//! Voice activity detection: how likely is speech, in each 32 ms of audio. Silero's model, as a stream.

use std::path::Path;
use std::sync::Arc;

use ort::session::Session;
use ort::value::TensorRef;

use super::family::RecognizeError;
use super::runtime::{Runtime, RuntimeError};

/// Samples of a window at 16 kHz: 32 ms. Source: the model's own interface.
pub const WINDOW: usize = 512;
/// Samples before a window that the model sees as well.
const CONTEXT: usize = 64;
/// Size of each of the two recurrent states.
const STATE: usize = 128;
/// Windows of one call, always: the result must not depend on how the audio came in. 32 windows are a second of audio;
/// with more the speed is the same, with fewer the calls themselves begin to count.
const CHUNK: usize = 32;

/// The model; one thread's, for any number of streams.
pub struct Vad {
    session: Session,
    runtime: Arc<Runtime>,
}

/// A stream of audio on its way through the model.
#[derive(Debug)]
pub struct VadStream {
    hidden: Vec<f32>,
    cell: Vec<f32>,
    /// Context, then samples that do not fill a chunk yet.
    pending: Vec<f32>,
}

impl Default for VadStream {
    fn default() -> Self {
        Self { hidden: vec![0.0; STATE], cell: vec![0.0; STATE], pending: vec![0.0; CONTEXT] }
    }
}

impl Vad {
    /// Loads the sequence model from a prepared model's folder.
    ///
    /// # Errors
    /// The runtime's.
    pub fn load(runtime: &Arc<Runtime>, folder: &Path) -> Result<Self, RuntimeError> {
        let session = runtime.session(&folder.join("vad.onnx"), None, None)?;
        Ok(Self { session, runtime: runtime.clone() })
    }

    /// Takes samples in and appends the probability of speech of each window that is complete.
    ///
    /// # Errors
    /// The runtime's.
    pub fn push(
        &mut self,
        stream: &mut VadStream,
        samples: &[f32],
        probabilities: &mut Vec<f32>,
    ) -> Result<(), RecognizeError> {
        stream.pending.extend_from_slice(samples);
        while stream.pending.len() >= CONTEXT + CHUNK * WINDOW {
            self.run(stream, CHUNK, probabilities)?;
            stream.pending.drain(..CHUNK * WINDOW);
        }
        Ok(())
    }

    /// Ends the stream: the rest is filled with silence up to a whole chunk; windows of silence alone give nothing.
    ///
    /// # Errors
    /// The runtime's.
    pub fn finish(
        &mut self,
        mut stream: VadStream,
        probabilities: &mut Vec<f32>,
    ) -> Result<(), RecognizeError> {
        let windows = (stream.pending.len() - CONTEXT).div_ceil(WINDOW);
        if windows > 0 {
            stream.pending.resize(CONTEXT + CHUNK * WINDOW, 0.0);
            self.run(&mut stream, windows, probabilities)?;
        }
        Ok(())
    }

    fn run(
        &mut self,
        stream: &mut VadStream,
        keep: usize,
        probabilities: &mut Vec<f32>,
    ) -> Result<(), RecognizeError> {
        let failed = |source: ort::Error| RecognizeError { step: "detect speech", source: Box::new(source) };
        self.infer(stream, keep, probabilities).map_err(failed)
    }

    fn infer(
        &mut self,
        stream: &mut VadStream,
        keep: usize,
        probabilities: &mut Vec<f32>,
    ) -> ort::Result<()> {
        let width = CONTEXT + WINDOW;
        let mut input = Vec::with_capacity(CHUNK * width);
        for window in 0..CHUNK {
            input.extend_from_slice(&stream.pending[window * WINDOW..][..width]);
        }
        let inputs = ort::inputs![
            "input" => TensorRef::from_array_view(([CHUNK, width], input.as_slice()))?,
            "h" => TensorRef::from_array_view(([1, 1, STATE], stream.hidden.as_slice()))?,
            "c" => TensorRef::from_array_view(([1, 1, STATE], stream.cell.as_slice()))?,
        ];
        let options = self.runtime.run_options(false, &super::cuda::Provider::Cpu)?;
        let outputs = self.session.run_with_options(inputs, &options)?;
        let (_, found) = outputs["speech_probs"].try_extract_tensor::<f32>()?;
        probabilities.extend(found.iter().take(keep));
        let (_, hidden) = outputs["hn"].try_extract_tensor::<f32>()?;
        let (_, cell) = outputs["cn"].try_extract_tensor::<f32>()?;
        stream.hidden.copy_from_slice(hidden);
        stream.cell.copy_from_slice(cell);
        Ok(())
    }
}
