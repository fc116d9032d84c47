//! Audio of a file: decode, mix or split channels, resample.

pub(crate) mod decode;
mod error;
mod probe;
pub mod resample;
mod sample_rate;
mod spec;
mod stream;

pub use error::AudioError;
pub use probe::{AUDIO_EXTENSIONS, looks_like_audio};
pub use sample_rate::SAMPLE_RATE;
pub use stream::{AudioLimits, AudioStream};
