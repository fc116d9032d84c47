//! What ONNX Runtime's memory pool holds, from its own figures. `ort` has no safe wrapper for them.

use std::ffi::{CStr, c_char};
use std::ptr;

use ort::AsPointer;
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::Session;

use verbatim_protocol::Arena;

/// A session's pool of CPU memory. It has to be dropped before its session is.
pub(super) struct Pool(Allocator);

impl Pool {
    /// The pool of a session; none where the runtime does not tell.
    pub(super) fn of(session: &Session) -> Option<Self> {
        let cpu =
            MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Arena, MemoryType::Default).ok()?;
        Allocator::new(session, cpu).ok().map(Self)
    }

    /// Its figures; none where the runtime keeps none, as without a pool.
    pub(super) fn read(&self) -> Option<Arena> {
        let api = ort::api();
        let mut pairs: *mut ort::sys::OrtKeyValuePairs = ptr::null_mut();
        // SAFETY: the allocator lives as long as `self`, and `pairs` takes what the runtime makes.
        let status = unsafe { (api.AllocatorGetStats)(self.0.ptr(), &mut pairs) };
        if !status.0.is_null() {
            // SAFETY: the status is the runtime's, and is released once.
            unsafe { (api.ReleaseStatus)(status.0) };
            return None;
        }
        if pairs.is_null() {
            return None;
        }
        let (mut keys, mut values, mut count) = (ptr::null(), ptr::null(), 0);
        // SAFETY: `pairs` was made by the runtime above; it fills in two lists of `count` texts, which live as long.
        unsafe { (api.GetKeyValuePairs)(pairs, &mut keys, &mut values, &mut count) };
        let figure = |name: &CStr| {
            (0..count).find_map(|index| {
                // SAFETY: both lists have `count` entries.
                let (key, value) = unsafe { (text(*keys.add(index))?, text(*values.add(index))?) };
                (key == name).then(|| value.to_str().ok()?.parse().ok()).flatten()
            })
        };
        let arena = (|| Some(Arena { in_use: figure(c"InUse")?, reserved: figure(c"TotalAllocated")? }))();
        // SAFETY: made by the runtime above, and released once, after the last look at its texts.
        unsafe { (api.ReleaseKeyValuePairs)(pairs) };
        arena
    }
}

/// A text of the runtime's.
///
/// # Safety
/// `text` is null, or points to a text with a zero at its end that lives as long as `'a`.
unsafe fn text<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: the caller's promise.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}
