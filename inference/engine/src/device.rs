//! Which device the model runs on, and why. Pure, but for [`driver`].

use std::fmt;
use std::path::Path;

use verbatim_protocol::options::Device;

/// What this machine has for a GPU.
#[derive(Clone, Debug)]
pub(super) struct There {
    /// The GPU build of ONNX Runtime.
    pub(super) library: bool,
    /// A driver of NVIDIA's.
    pub(super) driver: bool,
    /// The model's graphs for a GPU.
    pub(super) graphs: bool,
    /// Why the CUDA provider did not start; absent when it did, or was not tried.
    pub(super) provider: Option<String>,
}

/// The first thing that a GPU lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The GPU build of ONNX Runtime.
    Library,
    /// A driver of NVIDIA's.
    Driver,
    /// The model's graphs for a GPU.
    Graphs,
    /// The CUDA provider did not start, in its words.
    Provider(String),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library => f.write_str("the installed ONNX Runtime has no CUDA provider"),
            Self::Driver => f.write_str("no NVIDIA driver was found"),
            Self::Graphs => f.write_str("the model has no graphs for a GPU"),
            Self::Provider(said) => write!(f, "the CUDA provider did not start: {said}"),
        }
    }
}

impl Missing {
    fn advice(&self) -> &'static str {
        match self {
            Self::Library | Self::Graphs => "run `verbatim model pull --gpu`",
            Self::Driver => "install the driver, or give the container a GPU",
            Self::Provider(_) => "install CUDA 13 and cuDNN 9 (docs/gpu.md), or choose another device",
        }
    }
}

/// A device, and why it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// The GPU's number; absent: the CPU.
    pub(super) gpu: Option<u32>,
    pub(super) reason: String,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.gpu {
            Some(number) => write!(f, "cuda:{number} ({})", self.reason),
            None => write!(f, "cpu ({})", self.reason),
        }
    }
}

/// A GPU was asked for, and cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{asked} cannot be used: {missing}: {}", missing.advice())]
pub struct Unavailable {
    /// What was asked for.
    pub asked: Device,
    /// What it lacks.
    pub missing: Missing,
}

/// What a GPU lacks here, if anything.
pub(super) fn missing(there: &There) -> Option<Missing> {
    // The library first: without it, nobody meant to use a GPU.
    match there {
        There { library: false, .. } => Some(Missing::Library),
        There { driver: false, .. } => Some(Missing::Driver),
        There { graphs: false, .. } => Some(Missing::Graphs),
        There { provider, .. } => provider.clone().map(Missing::Provider),
    }
}

/// The device to take.
pub(super) fn choose(asked: Device, there: &There) -> Result<Decision, Unavailable> {
    let decision = |gpu, reason: String| Ok(Decision { gpu, reason });
    match (asked, missing(there)) {
        (Device::Cpu, _) => decision(None, "as asked for".to_owned()),
        (Device::Auto, None) => decision(Some(0), "a GPU is there".to_owned()),
        (Device::Auto, Some(missing)) => decision(None, missing.to_string()),
        (Device::Cuda(number), None) => decision(Some(number), "as asked for".to_owned()),
        (Device::Cuda(_), Some(missing)) => Err(Unavailable { asked, missing }),
    }
}

/// Whether a driver of NVIDIA's has made its devices: on Linux, or in Windows' subsystem for it.
pub(super) fn driver() -> bool {
    ["/dev/nvidiactl", "/dev/dxg"].iter().any(|path| Path::new(path).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions() {
        let all = There { library: true, driver: true, graphs: true, provider: None };
        let no_library = There { library: false, driver: false, ..all.clone() };
        let no_driver = There { driver: false, ..all.clone() };
        let no_graphs = There { graphs: false, ..all.clone() };
        let broken = There { provider: Some("no libcudnn.so.9".to_owned()), ..all.clone() };
        let library = "the installed ONNX Runtime has no CUDA provider";
        let cases = [
            (Device::Auto, &all, "cuda:0 (a GPU is there)".to_owned()),
            (Device::Auto, &no_library, format!("cpu ({library})")),
            (Device::Auto, &no_driver, "cpu (no NVIDIA driver was found)".to_owned()),
            (Device::Auto, &no_graphs, "cpu (the model has no graphs for a GPU)".to_owned()),
            (Device::Auto, &broken, "cpu (the CUDA provider did not start: no libcudnn.so.9)".to_owned()),
            (Device::Cpu, &all, "cpu (as asked for)".to_owned()),
            (Device::Cpu, &no_library, "cpu (as asked for)".to_owned()),
            (Device::Cuda(2), &all, "cuda:2 (as asked for)".to_owned()),
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
        for (asked, there, expected) in cases {
            let said = choose(asked, there).map_or_else(|e| e.to_string(), |d| d.to_string());
            assert_eq!(said, expected, "{asked} {there:?}");
        }
        let broken = choose(Device::Cuda(0), &broken).unwrap_err().to_string();
        assert!(broken.ends_with("(docs/gpu.md), or choose another device"), "{broken}");
    }
}
