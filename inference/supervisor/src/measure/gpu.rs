//! NVIDIA GPUs, through the driver's library NVML, where there is one.

use nvml_wrapper::Nvml;
use nvml_wrapper::enums::device::UsedGpuMemory;

use super::Gpu;

/// The driver's library, opened; or none, for good.
#[derive(Debug)]
pub(super) struct Gpus(Option<Nvml>);

impl Gpus {
    /// Looks for the library, once: drivers do not appear under a running process.
    pub(super) fn open() -> Self {
        match Nvml::init() {
            Ok(nvml) => Self(Some(nvml)),
            Err(error) => {
                tracing::debug!(%error, "no NVML: GPU memory is not measured");
                Self(None)
            }
        }
    }

    /// Each GPU that can be measured, and what the processes `pids` use of it.
    pub(super) fn read(&self, pids: &[u32]) -> Vec<Gpu> {
        let Some(nvml) = &self.0 else { return Vec::new() };
        let count = nvml.device_count().unwrap_or(0);
        (0..count).filter_map(|index| one(nvml, index, pids)).collect()
    }
}

fn one(nvml: &Nvml, index: u32, pids: &[u32]) -> Option<Gpu> {
    let device = nvml.device_by_index(index).ok()?;
    let memory = device.memory_info().ok()?;
    let processes = device.running_compute_processes().unwrap_or_default();
    let processes = processes.into_iter().map(|process| match process.used_gpu_memory {
        UsedGpuMemory::Used(bytes) => (process.pid, Some(bytes)),
        UsedGpuMemory::Unavailable => (process.pid, None),
    });
    Some(Gpu { index, total: memory.total, used: memory.used, engines: of_engines(processes, pids) })
}

/// Bytes of those `processes` that are ours; none if NVML knows none of ours, or not what it uses.
fn of_engines(processes: impl Iterator<Item = (u32, Option<u64>)>, pids: &[u32]) -> Option<u64> {
    let ours = processes.filter(|(pid, _)| pids.contains(pid)).map(|(_, bytes)| bytes);
    let ours: Option<Vec<u64>> = ours.collect();
    ours.filter(|bytes| !bytes.is_empty()).map(|bytes| bytes.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_processes_are_told_from_others() {
        let of = |processes: &[(u32, Option<u64>)]| of_engines(processes.iter().copied(), &[7, 8]);
        assert_eq!(of(&[(7, Some(10)), (9, Some(100)), (8, Some(5))]), Some(15));
        // In a pod, NVML gives the host's ids.
        assert_eq!(of(&[(4711, Some(10))]), None);
        assert_eq!(of(&[(7, None)]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn without_the_library_there_are_no_gpus() {
        assert_eq!(Gpus(None).read(&[1]), []);
        // With it, whatever there is has some memory.
        for gpu in Gpus::open().read(&[std::process::id()]) {
            assert!(gpu.total > 0 && gpu.used <= gpu.total, "{gpu:?}");
        }
    }
}
