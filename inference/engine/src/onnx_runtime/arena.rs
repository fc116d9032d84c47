//! Size of ONNX Runtime's memory arena, from its own statistics. `ort` has no safe wrapper for them.

use std::ffi::{CStr, c_char};
use std::ptr;

use ort::AsPointer;
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::Session;

use verbatim_protocol::ArenaStats;

/// Arena of a session's CPU memory. Must be dropped before its session.
pub(crate) struct OrtArena(Allocator);

impl OrtArena {
    /// Arena of a session; `None` if the runtime does not provide it.
    pub(crate) fn of(session: &Session) -> Option<Self> {
        let cpu =
            MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Arena, MemoryType::Default).ok()?;
        Allocator::new(session, cpu).ok().map(Self)
    }

    /// Current statistics; `None` if the runtime has none, for example when the arena is disabled.
    pub(crate) fn stats(&self) -> Option<ArenaStats> {
        let api = ort::api();
        let mut pairs: *mut ort::sys::OrtKeyValuePairs = ptr::null_mut();
        // SAFETY: the allocator lives as long as `self`, and `pairs` receives the runtime's object.
        let status = unsafe { (api.AllocatorGetStats)(self.0.ptr(), &mut pairs) };
        if !status.0.is_null() {
            // SAFETY: the status came from the runtime, and is released once.
            unsafe { (api.ReleaseStatus)(status.0) };
            return None;
        }
        if pairs.is_null() {
            return None;
        }
        let (mut keys, mut values, mut count) = (ptr::null(), ptr::null(), 0);
        // SAFETY: `pairs` came from the runtime above; the two lists of `count` strings live as long as it
        // does.
        unsafe { (api.GetKeyValuePairs)(pairs, &mut keys, &mut values, &mut count) };
        let value = |name: &CStr| {
            (0..count).find_map(|index| {
                // SAFETY: both lists have `count` entries.
                let (key, number) = unsafe { (c_str(*keys.add(index))?, c_str(*values.add(index))?) };
                (key == name).then(|| number.to_str().ok()?.parse().ok()).flatten()
            })
        };
        let stats = (|| Some(ArenaStats { in_use: value(c"InUse")?, reserved: value(c"TotalAllocated")? }))();
        // SAFETY: the object came from the runtime above, and is released once, after the last use of its
        // strings.
        unsafe { (api.ReleaseKeyValuePairs)(pairs) };
        stats
    }
}

/// String of the runtime; `None` for null.
///
/// # Safety
/// `text` is null, or points to a zero-terminated string that lives as long as `'a`.
unsafe fn c_str<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: guaranteed by the caller.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}
