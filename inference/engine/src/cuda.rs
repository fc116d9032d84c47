//! Where a session runs, and what the CUDA provider is told.

use ort::ep::{self, ArbitrarilyConfigurableExecutionProvider, ExecutionProviderDispatch};

/// Environment variable that bounds ONNX Runtime's pool of GPU memory, in bytes.
pub const GPU_MEMORY_VARIABLE: &str = "VERBATIM_GPU_MEMORY_BYTES";

/// Where a session runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provider {
    /// On the CPU.
    Cpu,
    /// On a GPU.
    Cuda(CudaOptions),
}

impl Provider {
    /// The pools that a run can shrink, as ONNX Runtime's run options name them.
    pub(super) fn arenas(&self) -> String {
        match self {
            Self::Cpu => "cpu:0".to_owned(),
            Self::Cuda(cuda) => format!("cpu:0;gpu:{}", cuda.device),
        }
    }
}

/// How a GPU is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CudaOptions {
    /// Number of the device, from 0.
    pub device: u32,
    /// Bound of ONNX Runtime's pool of device memory, in bytes; absent: none. The CUDA libraries' own memory comes on
    /// top of it.
    pub memory_limit: Option<u64>,
}

impl CudaOptions {
    /// Options for a device, with the bound that [`GPU_MEMORY_VARIABLE`] gives; what is no number bounds nothing.
    pub fn from_environment(device: u32) -> Self {
        let limit = std::env::var(GPU_MEMORY_VARIABLE).ok();
        Self { device, memory_limit: limit.and_then(|text| text.trim().parse().ok()) }
    }

    /// The provider's options by name, as ONNX Runtime spells them.
    pub fn provider_options(&self) -> Vec<(&'static str, String)> {
        let mut options = vec![
            ("device_id", self.device.to_string()),
            // An exhaustive search takes seconds and gigabytes for each new shape.
            ("cudnn_conv_algo_search", "HEURISTIC".to_owned()),
            // Growing by powers of two would hold up to twice of what is used.
            ("arena_extend_strategy", "kSameAsRequested".to_owned()),
            // Products of 10-bit mantissas would make results depend on the kind of GPU.
            ("use_tf32", "0".to_owned()),
        ];
        options.extend(self.memory_limit.map(|bytes| ("gpu_mem_limit", bytes.to_string())));
        options
    }

    /// The provider; a session that cannot have it is an error.
    pub(super) fn provider(&self) -> ExecutionProviderDispatch {
        self.provider_options()
            .into_iter()
            .fold(ep::CUDA::default(), |cuda, (name, value)| cuda.with_arbitrary_config(name, value))
            .build()
            .error_on_failure()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_provider_is_told_what_we_mean() {
        let text = |options: &CudaOptions| {
            let options = options.provider_options();
            options.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        let plain =
            "device_id=1 cudnn_conv_algo_search=HEURISTIC arena_extend_strategy=kSameAsRequested use_tf32=0";
        assert_eq!(text(&CudaOptions { device: 1, memory_limit: None }), plain);
        let bound = CudaOptions { device: 1, memory_limit: Some(6 << 30) };
        assert_eq!(text(&bound), format!("{plain} gpu_mem_limit=6442450944"));
        assert_eq!(bound.provider().name(), "CUDAExecutionProvider");
        assert_eq!(Provider::Cuda(bound).arenas(), "cpu:0;gpu:1");
    }
}
