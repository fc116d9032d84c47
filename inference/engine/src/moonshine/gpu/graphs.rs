//! Sessions of the batch graphs. Caches stay on the device: outputs of a step are bound to the inputs of the
//! next one.

use std::path::Path;

use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{IoBinding, RunOptions, Session};
use ort::value::{DynValue, Tensor};

use verbatim_models::moonshine::GPU_FILES;
use verbatim_models::moonshine::shape::{HEAD, HEADS, LAYERS};

use crate::moonshine::shared::LoadError;
use crate::onnx_runtime::provider::Provider;
use crate::onnx_runtime::runtime::{Runtime, RuntimeError};

/// Sessions of the three graphs.
pub(super) struct Graphs {
    encoder: Session,
    decoder: Session,
    keep: Session,
    device: MemoryInfo<'static>,
    host: MemoryInfo<'static>,
}

/// Caches of a batch on the device, by name of the graphs' inputs.
pub(super) struct Caches(Vec<(String, DynValue)>);

/// Chosen tokens of a step, by row.
pub(super) struct Chosen {
    pub(super) next: Vec<i64>,
    pub(super) logprobs: Vec<f32>,
    /// Logits of all rows, one row after another; empty unless requested.
    pub(super) logits: Vec<f32>,
}

fn cross_names() -> impl Iterator<Item = String> {
    let layers = (0..LAYERS).flat_map(|layer| [format!("cross_k.{layer}"), format!("cross_v.{layer}")]);
    std::iter::once("cross_bias".to_owned()).chain(layers)
}

/// Suffixes of the names of self-attention caches: `k.0`, as in `self_k.0` and `new_k.0`.
fn own_names() -> impl Iterator<Item = String> {
    (0..LAYERS).flat_map(|layer| [format!("k.{layer}"), format!("v.{layer}")])
}

impl Graphs {
    pub(super) fn load(runtime: &Runtime, folder: &Path, provider: &Provider) -> Result<Self, LoadError> {
        let [encoder, decoder, keep] = GPU_FILES.map(|name| runtime.session_on(&folder.join(name), provider));
        let memory = |device: AllocationDevice<'static>, number| {
            MemoryInfo::new(device, number, AllocatorType::Device, MemoryType::Default)
                .map_err(|e| RuntimeError::Memory { message: e.to_string() })
        };
        let host = memory(AllocationDevice::CPU, 0)?;
        let device = match provider {
            Provider::Cpu => memory(AllocationDevice::CPU, 0)?,
            Provider::Cuda(cuda) => memory(AllocationDevice::CUDA, cuda.device as i32)?,
        };
        Ok(Self { encoder: encoder?, decoder: decoder?, keep: keep?, device, host })
    }

    /// Encodes a batch. `samples` has `frames.len()` rows; `frames` is the number of frames of each without
    /// padding.
    pub(super) fn encode(
        &mut self,
        samples: Vec<f32>,
        frames: Vec<i64>,
        options: &RunOptions,
    ) -> ort::Result<Caches> {
        let rows = frames.len();
        let mut binding = self.encoder.create_binding()?;
        binding
            .bind_input("samples", &Tensor::from_array(([rows, samples.len() / rows.max(1)], samples))?)?;
        binding.bind_input("frames", &Tensor::from_array(([rows], frames))?)?;
        for name in cross_names() {
            binding.bind_output_to_device(name, &self.device)?;
        }
        let mut caches = run(&mut self.encoder, &binding, options, |name| name.to_owned())?;
        for name in own_names() {
            let empty = Tensor::<f32>::from_array(([rows, HEADS, 0, HEAD], Vec::new()))?;
            caches.0.push((format!("self_{name}"), empty.into_dyn()));
        }
        Ok(caches)
    }

    /// Runs one step of all rows from `tokens`. `logits`: copy them to the host as well.
    pub(super) fn step(
        &mut self,
        caches: &mut Caches,
        tokens: Vec<i64>,
        position: usize,
        logits: bool,
        options: &RunOptions,
    ) -> ort::Result<Chosen> {
        let mut binding = self.decoder.create_binding()?;
        binding.bind_input("tokens", &Tensor::from_array(([tokens.len()], tokens))?)?;
        binding.bind_input("position", &Tensor::from_array(([1_usize], vec![position as i64]))?)?;
        for (name, value) in &caches.0 {
            binding.bind_input(name, value)?;
        }
        for name in ["next", "logprob"] {
            binding.bind_output_to_device(name, &self.host)?;
        }
        binding.bind_output_to_device("logits", if logits { &self.host } else { &self.device })?;
        for name in own_names() {
            binding.bind_output_to_device(format!("new_{name}"), &self.device)?;
        }
        let mut outputs = self.decoder.run_binding_with_options(&binding, options)?;
        let chosen = Chosen {
            next: outputs["next"].try_extract_tensor::<i64>()?.1.to_vec(),
            logprobs: outputs["logprob"].try_extract_tensor::<f32>()?.1.to_vec(),
            logits: match logits {
                true => outputs["logits"].try_extract_tensor::<f32>()?.1.to_vec(),
                false => Vec::new(),
            },
        };
        for (name, value) in &mut caches.0 {
            let new = name.strip_prefix("self_").and_then(|name| outputs.remove(format!("new_{name}")));
            if let Some(new) = new {
                *value = new;
            }
        }
        Ok(chosen)
    }

    /// Caches of only these rows of a batch, in this order.
    pub(super) fn keep(
        &mut self,
        caches: &Caches,
        rows: &[i64],
        options: &RunOptions,
    ) -> ort::Result<Caches> {
        let mut binding = self.keep.create_binding()?;
        binding.bind_input("keep", &Tensor::from_array(([rows.len()], rows.to_vec()))?)?;
        for (name, value) in &caches.0 {
            binding.bind_input(name, value)?;
            binding.bind_output_to_device(format!("kept.{name}"), &self.device)?;
        }
        run(&mut self.keep, &binding, options, |name| name.trim_start_matches("kept.").to_owned())
    }
}

/// Runs a graph whose outputs all stay on the device.
fn run(
    session: &mut Session,
    binding: &IoBinding,
    options: &RunOptions,
    name: fn(&str) -> String,
) -> ort::Result<Caches> {
    let outputs = session.run_binding_with_options(binding, options)?;
    Ok(Caches(outputs.into_iter().map(|(key, value)| (name(key), value)).collect()))
}
