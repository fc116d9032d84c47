//! Execution provider of a session, and options of the CUDA provider.

use ort::ep::{self, ArbitrarilyConfigurableExecutionProvider, ExecutionProviderDispatch};

/// Environment variable with the limit of ONNX Runtime's arena of GPU memory, in bytes.
pub const GPU_MEMORY_VARIABLE: &str = "VERBATIM_GPU_MEMORY_BYTES";

/// Execution provider of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provider {
    /// CPU.
    Cpu,
    /// GPU by CUDA.
    Cuda(CudaOptions),
}

impl Provider {
    /// Arenas that a run can shrink, in the syntax of ONNX Runtime's run options.
    pub(super) fn arenas(&self) -> String {
        match self {
            Self::Cpu => "cpu:0".to_owned(),
            Self::Cuda(cuda) => format!("cpu:0;gpu:{}", cuda.device),
        }
    }
}

/// Options of the CUDA provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CudaOptions {
    /// Number of the device, counted from 0.
    pub device: u32,
    /// Limit of ONNX Runtime's arena of device memory, in bytes; `None`: no limit. The CUDA libraries' own
    /// memory is not included.
    pub memory_limit: Option<u64>,
}

impl CudaOptions {
    /// Options for a device, with the limit from [`GPU_MEMORY_VARIABLE`]. A value that is not a number sets
    /// no limit.
    pub fn from_environment(device: u32) -> Self {
        let limit = std::env::var(GPU_MEMORY_VARIABLE).ok();
        Self { device, memory_limit: limit.and_then(|text| text.trim().parse().ok()) }
    }

    /// Options of the provider by ONNX Runtime's names.
    pub fn provider_options(&self) -> Vec<(&'static str, String)> {
        let mut options = vec![
            ("device_id", self.device.to_string()),
            // An exhaustive search takes seconds and gigabytes for each new shape.
            ("cudnn_conv_algo_search", "HEURISTIC".to_owned()),
            // Growth by powers of two would reserve up to twice the memory in use.
            ("arena_extend_strategy", "kSameAsRequested".to_owned()),
            // TF32 (10-bit mantissas) would make results depend on the GPU model.
            ("use_tf32", "0".to_owned()),
        ];
        options.extend(self.memory_limit.map(|bytes| ("gpu_mem_limit", bytes.to_string())));
        options
    }

    /// Provider for a session. The session fails to load if the provider does not start.
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
    fn options_and_arenas_have_the_names_of_onnx_runtime() {
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
