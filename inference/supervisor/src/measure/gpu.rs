//! Memory of NVIDIA GPUs, through NVML, the library of the driver.

use nvml_wrapper::Nvml;
use nvml_wrapper::enums::device::UsedGpuMemory;

use crate::measure::snapshot::Gpu;

/// NVML, if the driver is installed.
#[derive(Debug)]
pub(super) struct Gpus(Option<Nvml>);

impl Gpus {
    /// Opens NVML once: drivers are not installed under a running process.
    pub(super) fn open() -> Self {
        match Nvml::init() {
            Ok(nvml) => Self(Some(nvml)),
            Err(error) => {
                tracing::debug!(%error, "NVML is not available: GPU memory is not measured");
                Self(None)
            }
        }
    }

    /// GPUs that can be measured, with the memory that the processes `pids` use.
    pub(super) fn read(&self, pids: &[u32]) -> Vec<Gpu> {
        let Some(nvml) = &self.0 else { return Vec::new() };
        let count = nvml.device_count().unwrap_or(0);
        (0..count).filter_map(|index| read_gpu(nvml, index, pids)).collect()
    }
}

fn read_gpu(nvml: &Nvml, index: u32, pids: &[u32]) -> Option<Gpu> {
    let device = nvml.device_by_index(index).ok()?;
    let memory = device.memory_info().ok()?;
    let processes = device.running_compute_processes().unwrap_or_default();
    let processes = processes.into_iter().map(|process| match process.used_gpu_memory {
        UsedGpuMemory::Used(bytes) => (process.pid, Some(bytes)),
        UsedGpuMemory::Unavailable => (process.pid, None),
    });
    Some(Gpu { index, total: memory.total, used: memory.used, engines: engines_memory(processes, pids) })
}

/// Bytes used by those `processes` that are engines; none if NVML knows none of them, or not their memory.
fn engines_memory(processes: impl Iterator<Item = (u32, Option<u64>)>, pids: &[u32]) -> Option<u64> {
    let used = processes.filter(|(pid, _)| pids.contains(pid)).map(|(_, bytes)| bytes);
    let used: Option<Vec<u64>> = used.collect();
    used.filter(|bytes| !bytes.is_empty()).map(|bytes| bytes.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_distinguished_from_other_processes() {
        let memory = |processes: &[(u32, Option<u64>)]| engines_memory(processes.iter().copied(), &[7, 8]);
        assert_eq!(memory(&[(7, Some(10)), (9, Some(100)), (8, Some(5))]), Some(15));
        // In a pod, NVML gives process ids of the host.
        assert_eq!(memory(&[(4711, Some(10))]), None);
        assert_eq!(memory(&[(7, None)]), None);
        assert_eq!(memory(&[]), None);
    }

    #[test]
    fn without_nvml_there_are_no_gpus() {
        assert_eq!(Gpus(None).read(&[1]), []);
        // With NVML, every GPU has memory.
        for gpu in Gpus::open().read(&[std::process::id()]) {
            assert!(gpu.total > 0 && gpu.used <= gpu.total, "{gpu:?}");
        }
    }
}
