//! Layers of memory management: ONNX Runtime's arena, its shrinkage, and the C heap.

use verbatim_protocol::environment::MEMORY_OFF_VARIABLE;

/// Layers of memory management. Each can be disabled to measure its cost and effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryOptions {
    /// Use ONNX Runtime's arena for CPU memory, which is faster than a call of the system's allocator each
    /// time.
    pub arena: bool,
    /// Shrink the arena after each file.
    pub shrink: bool,
    /// Return free pages of the C heap to the system after each file (`malloc_trim`).
    pub trim: bool,
}

impl MemoryOptions {
    /// All layers but those in [`MEMORY_OFF_VARIABLE`].
    pub fn from_environment() -> Self {
        let off = std::env::var(MEMORY_OFF_VARIABLE).unwrap_or_default();
        let on = |layer: &str| !off.split(',').any(|name| name.trim() == layer);
        Self { arena: on("arena"), shrink: on("shrink"), trim: on("trim") }
    }
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { arena: true, shrink: true, trim: true }
    }
}

/// Blocks of this size and more get a memory mapping of their own, so that freeing one returns it at once. By
/// default glibc raises the threshold up to 32 MiB as blocks are freed, and the sequences' caches (some MB
/// each) then leave holes in its heaps: the peak over a 12-minute file was 306 MB, and is 272 MB with this
/// threshold, at the same speed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MMAP_THRESHOLD: libc::c_int = 256 * 1024;

/// Fixes glibc's threshold for memory mappings.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn set_mmap_threshold() {
    // SAFETY: mallopt only sets a parameter of the allocator; it may be called at any time.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MMAP_THRESHOLD);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn set_mmap_threshold() {}

/// Returns free pages of the C heap to the system.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn trim_heap() {
    // SAFETY: malloc_trim has no preconditions and may be called from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn trim_heap() {}
