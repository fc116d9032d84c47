//! Audio of a file: decode, mix or split channels, resample.

pub(crate) mod decode;
mod error;
mod mix;
pub mod resample;
mod sample_rate;
mod spec;
mod stream;

pub use decode::sniff::{HEAD_LEN, begins_like_audio};
pub use error::AudioError;
pub use sample_rate::SAMPLE_RATE;
pub use stream::{AudioLimits, AudioStream};
