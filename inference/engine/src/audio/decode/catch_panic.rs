//! Conversion of panics in demuxers and decoders to errors: one hostile file must not affect the others.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::audio::error::AudioError;

/// Runs `f`; a panic becomes an error at `position` (seconds).
///
/// Values that `f` borrowed mutably may be in any state after a panic: the caller drops or resets them.
pub(super) fn catch_panic<T>(position: Option<f64>, f: impl FnOnce() -> T) -> Result<T, AudioError> {
    catch_unwind(AssertUnwindSafe(f))
        .map_err(|payload| AudioError::Panicked { what: message(payload.as_ref()), position })
}

/// As [`catch_panic`], for a function that can fail.
pub(super) fn try_catch_panic<T>(
    position: Option<f64>,
    f: impl FnOnce() -> Result<T, AudioError>,
) -> Result<T, AudioError> {
    catch_panic(position, f)?
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
    fn a_panic_becomes_a_corrupt_file_with_its_message_and_position() {
        let silent = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let caught = catch_panic(Some(1.5), || -> () { panic!("index {} out of range", 7) });
        std::panic::set_hook(silent);
        let error = caught.unwrap_err();
        assert_eq!(error.reason(), FailureReason::Corrupt);
        assert_eq!(error.position(), Some(1.5));
        assert!(error.to_string().contains("index 7 out of range"));
    }
}
