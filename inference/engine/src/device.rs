//! Choice of the device, with the reason for it. Pure, except for [`has_nvidia_driver`].

use std::fmt;
use std::path::Path;

use verbatim_protocol::options::Device;

/// Support for GPUs on this machine.
#[derive(Clone, Debug)]
pub(super) struct GpuSupport {
    /// Whether the GPU build of ONNX Runtime is installed.
    pub(super) library: bool,
    /// Whether NVIDIA's driver is present.
    pub(super) driver: bool,
    /// Whether the model has graphs for a GPU.
    pub(super) graphs: bool,
    /// Error of the CUDA provider; `None` if it started or was not tried.
    pub(super) provider_error: Option<String>,
}

/// Missing requirement of a GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingRequirement {
    /// The GPU build of ONNX Runtime.
    Library,
    /// NVIDIA's driver.
    Driver,
    /// The model's graphs for a GPU.
    Graphs,
    /// The CUDA provider, with the error of its start.
    Provider(String),
}

impl fmt::Display for MissingRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library => f.write_str("the installed ONNX Runtime has no CUDA provider"),
            Self::Driver => f.write_str("no NVIDIA driver was found"),
            Self::Graphs => f.write_str("the model has no graphs for a GPU"),
            Self::Provider(error) => write!(f, "the CUDA provider failed to start: {error}"),
        }
    }
}

impl MissingRequirement {
    /// Instruction to fulfil the requirement.
    fn advice(&self) -> &'static str {
        match self {
            Self::Library | Self::Graphs => "run `verbatim model pull --gpu`",
            Self::Driver => "install the driver, or give the container a GPU",
            Self::Provider(_) => "install CUDA 13 and cuDNN 9 (docs/gpu.md), or choose another device",
        }
    }
}

/// Chosen device, with the reason for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeviceChoice {
    /// Number of the GPU; `None`: the CPU.
    pub(super) gpu: Option<u32>,
    pub(super) reason: String,
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.gpu {
            Some(number) => write!(f, "cuda:{number} ({})", self.reason),
            None => write!(f, "cpu ({})", self.reason),
        }
    }
}

/// The requested GPU cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{requested} cannot be used: {missing}: {}", missing.advice())]
pub struct DeviceUnavailable {
    /// Requested device.
    pub requested: Device,
    /// First missing requirement.
    pub missing: MissingRequirement,
}

/// First missing requirement of a GPU on this machine.
fn missing_requirement(support: &GpuSupport) -> Option<MissingRequirement> {
    // The library first: without it, no GPU was intended.
    match support {
        GpuSupport { library: false, .. } => Some(MissingRequirement::Library),
        GpuSupport { driver: false, .. } => Some(MissingRequirement::Driver),
        GpuSupport { graphs: false, .. } => Some(MissingRequirement::Graphs),
        GpuSupport { provider_error, .. } => provider_error.clone().map(MissingRequirement::Provider),
    }
}

/// Chooses a device.
///
/// # Errors
/// The requested GPU cannot be used.
pub(super) fn choose(requested: Device, support: &GpuSupport) -> Result<DeviceChoice, DeviceUnavailable> {
    let choice = |gpu, reason: String| Ok(DeviceChoice { gpu, reason });
    match (requested, missing_requirement(support)) {
        (Device::Cpu, _) => choice(None, "as requested".to_owned()),
        (Device::Auto, None) => choice(Some(0), "a GPU is available".to_owned()),
        (Device::Auto, Some(missing)) => choice(None, missing.to_string()),
        (Device::Cuda(number), None) => choice(Some(number), "as requested".to_owned()),
        (Device::Cuda(_), Some(missing)) => Err(DeviceUnavailable { requested, missing }),
    }
}

/// Whether the devices of NVIDIA's driver exist, on Linux or in the Windows Subsystem for Linux.
pub(super) fn has_nvidia_driver() -> bool {
    ["/dev/nvidiactl", "/dev/dxg"].iter().any(|path| Path::new(path).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_request_and_support_has_its_choice_and_reason() {
        let all = GpuSupport { library: true, driver: true, graphs: true, provider_error: None };
        let no_library = GpuSupport { library: false, driver: false, ..all.clone() };
        let no_driver = GpuSupport { driver: false, ..all.clone() };
        let no_graphs = GpuSupport { graphs: false, ..all.clone() };
        let broken = GpuSupport { provider_error: Some("no libcudnn.so.9".to_owned()), ..all.clone() };
        let library = "the installed ONNX Runtime has no CUDA provider";
        let cases = [
            (Device::Auto, &all, "cuda:0 (a GPU is available)".to_owned()),
            (Device::Auto, &no_library, format!("cpu ({library})")),
            (Device::Auto, &no_driver, "cpu (no NVIDIA driver was found)".to_owned()),
            (Device::Auto, &no_graphs, "cpu (the model has no graphs for a GPU)".to_owned()),
            (Device::Auto, &broken, "cpu (the CUDA provider failed to start: no libcudnn.so.9)".to_owned()),
            (Device::Cpu, &all, "cpu (as requested)".to_owned()),
            (Device::Cpu, &no_library, "cpu (as requested)".to_owned()),
            (Device::Cuda(2), &all, "cuda:2 (as requested)".to_owned()),
            (
                Device::Cuda(2),
                &no_library,
                format!("cuda:2 cannot be used: {library}: run `verbatim model pull --gpu`"),
            ),
            (
                Device::Cuda(0),
                &no_driver,
                "cuda:0 cannot be used: no NVIDIA driver was found: install the driver, or give the container a GPU"
                    .to_owned(),
            ),
        ];
        for (requested, support, expected) in cases {
            let text = choose(requested, support).map_or_else(|e| e.to_string(), |d| d.to_string());
            assert_eq!(text, expected, "{requested} {support:?}");
        }
        let broken = choose(Device::Cuda(0), &broken).unwrap_err().to_string();
        assert!(broken.ends_with("(docs/gpu.md), or choose another device"), "{broken}");
    }
}
