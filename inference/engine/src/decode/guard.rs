//! Panics of demuxers and decoders end here: one hostile file must not take the others with it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::AudioError;

/// Runs `f`; a panic becomes an error at `position` (seconds).
///
/// What `f` borrowed mutably may be in any state after a panic: the caller drops or resets it.
pub(super) fn catch_plain<T>(position: Option<f64>, f: impl FnOnce() -> T) -> Result<T, AudioError> {
    catch_unwind(AssertUnwindSafe(f))
        .map_err(|payload| AudioError::Panicked { what: message(payload.as_ref()), position })
}

/// As [`catch_plain`], for an `f` that can fail.
pub(super) fn catch<T>(
    position: Option<f64>,
    f: impl FnOnce() -> Result<T, AudioError>,
) -> Result<T, AudioError> {
    catch_plain(position, f)?
}

fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "no message".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use verbatim_protocol::failure::FailureReason;

    #[test]
    fn a_panic_becomes_corrupt_with_its_message_and_position() {
        let silent = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let caught = catch_plain(Some(1.5), || -> () { panic!("index {} out of range", 7) });
        std::panic::set_hook(silent);
        let error = caught.unwrap_err();
        assert_eq!(error.reason(), FailureReason::Corrupt);
        assert_eq!(error.position(), Some(1.5));
        assert!(error.to_string().contains("index 7 out of range"));
    }
}
