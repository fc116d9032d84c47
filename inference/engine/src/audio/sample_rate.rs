//! Sample rate of the engine.

/// Sample rate of all audio after decoding, in Hz: what voice activity detection and the models expect.
pub const SAMPLE_RATE: u32 = 16_000;
