//! Input lengths of Moonshine.

use crate::recognizer::UtteranceLengths;

/// Samples of the shortest input. Source: the three convolutions (windows of 127, 7 and 3 with strides of 64,
/// 3 and 2), for lengths without a remainder.
pub(super) const FIRST_FRAME: usize = 895;
/// Samples between two frames of the encoder. Source: the strides.
pub(super) const FRAME: usize = 384;
/// Longest utterance in seconds. Source: the vendor's own limit; attention grows with the square of the
/// length.
const MAX_SECONDS: f64 = 15.0;
/// Lengths that the model accepts.
pub(super) const LENGTHS: UtteranceLengths =
    UtteranceLengths { first: FIRST_FRAME, step: FRAME, max_seconds: MAX_SECONDS };

/// Frames of the encoder for this many samples.
pub(super) fn frames(samples: usize) -> usize {
    samples.saturating_sub(FIRST_FRAME) / FRAME + 1
}
