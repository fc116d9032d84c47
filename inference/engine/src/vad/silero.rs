//! Silero's model for voice activity detection, as a stream: the probability of speech in each 32 ms of
//! audio.

use std::path::Path;
use std::sync::Arc;

use ort::session::Session;
use ort::value::TensorRef;

use crate::onnx_runtime::provider::Provider;
use crate::onnx_runtime::runtime::{Runtime, RuntimeError};
use crate::recognizer::RecognizeError;

/// Samples of a window at 16 kHz: 32 ms. Source: the model's interface.
pub const WINDOW: usize = 512;
/// Samples before a window that the model needs as context.
const CONTEXT: usize = 64;
/// Size of each of the two recurrent states.
const STATE: usize = 128;
/// Windows per run. Fixed, because results must not depend on how the audio arrives. 32 windows are a second
/// of audio: more are not faster, and with fewer the overhead of the runs becomes noticeable.
const RUN_WINDOWS: usize = 32;

/// Loaded model, owned by one thread. Serves any number of streams.
pub struct SileroVad {
    session: Session,
    runtime: Arc<Runtime>,
}

/// State of one stream of audio.
#[derive(Debug)]
pub struct VadStream {
    hidden: Vec<f32>,
    cell: Vec<f32>,
    /// Context, then samples that do not fill a run yet.
    pending: Vec<f32>,
}

impl Default for VadStream {
    fn default() -> Self {
        Self { hidden: vec![0.0; STATE], cell: vec![0.0; STATE], pending: vec![0.0; CONTEXT] }
    }
}

impl SileroVad {
    /// Loads the model from the folder of a prepared model.
    ///
    /// # Errors
    /// Errors of the runtime.
    pub fn load(runtime: &Arc<Runtime>, folder: &Path) -> Result<Self, RuntimeError> {
        let session = runtime.session(&folder.join("vad.onnx"), None, None)?;
        Ok(Self { session, runtime: runtime.clone() })
    }

    /// Adds samples, and appends the speech probability of each complete window to `probabilities`.
    ///
    /// # Errors
    /// Errors of the runtime.
    pub fn push(
        &mut self,
        stream: &mut VadStream,
        samples: &[f32],
        probabilities: &mut Vec<f32>,
    ) -> Result<(), RecognizeError> {
        stream.pending.extend_from_slice(samples);
        while stream.pending.len() >= CONTEXT + RUN_WINDOWS * WINDOW {
            self.run(stream, RUN_WINDOWS, probabilities)?;
            stream.pending.drain(..RUN_WINDOWS * WINDOW);
        }
        Ok(())
    }

    /// Ends the stream. The remaining samples are padded with silence to a whole run; windows of padding
    /// alone are dropped.
    ///
    /// # Errors
    /// Errors of the runtime.
    pub fn finish(
        &mut self,
        mut stream: VadStream,
        probabilities: &mut Vec<f32>,
    ) -> Result<(), RecognizeError> {
        let windows = (stream.pending.len() - CONTEXT).div_ceil(WINDOW);
        if windows > 0 {
            stream.pending.resize(CONTEXT + RUN_WINDOWS * WINDOW, 0.0);
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
        self.infer(stream, keep, probabilities).map_err(RecognizeError::at("detect speech"))
    }

    fn infer(
        &mut self,
        stream: &mut VadStream,
        keep: usize,
        probabilities: &mut Vec<f32>,
    ) -> ort::Result<()> {
        let width = CONTEXT + WINDOW;
        let mut input = Vec::with_capacity(RUN_WINDOWS * width);
        for window in 0..RUN_WINDOWS {
            input.extend_from_slice(&stream.pending[window * WINDOW..][..width]);
        }
        let inputs = ort::inputs![
            "input" => TensorRef::from_array_view(([RUN_WINDOWS, width], input.as_slice()))?,
            "h" => TensorRef::from_array_view(([1, 1, STATE], stream.hidden.as_slice()))?,
            "c" => TensorRef::from_array_view(([1, 1, STATE], stream.cell.as_slice()))?,
        ];
        let options = self.runtime.run_options(false, &Provider::Cpu)?;
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
