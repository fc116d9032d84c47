//! Sample rate and channel count of decoded audio, and their limits.

use std::ops::RangeInclusive;

use crate::audio::error::AudioError;

/// Supported sample rates in Hz: from the lowest that carries speech to the highest that studio equipment
/// writes.
const RATES: RangeInclusive<u32> = 4_000..=768_000;
/// Maximum number of channels: that of the largest mixing desks.
const MAX_CHANNELS: usize = 64;

/// Sample rate and channel count of a block, or of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AudioSpec {
    /// Sample rate in Hz.
    pub(crate) rate: u32,
    /// Number of channels.
    pub(crate) channels: usize,
}

impl AudioSpec {
    /// Rejects sample rates and channel counts that cannot be speech.
    pub(crate) fn check(self) -> Result<(), AudioError> {
        if !(1..=MAX_CHANNELS).contains(&self.channels) {
            return Err(AudioError::UnsupportedChannels { channels: self.channels });
        }
        if !RATES.contains(&self.rate) {
            return Err(AudioError::UnsupportedRate { rate: self.rate });
        }
        Ok(())
    }
}
