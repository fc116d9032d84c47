//! Dimensions of Moonshine tiny. Source: the shapes of the vendor's weights.

/// Width of the hidden states.
pub const HIDDEN: usize = 288;
/// Number of attention heads.
pub const HEADS: usize = 8;
/// Width of a head.
pub const HEAD: usize = HIDDEN / HEADS;
/// Number of layers, in the encoder and in the decoder.
pub const LAYERS: usize = 6;
/// Width inside the feed-forward blocks.
pub const INNER: usize = 1152;
/// Dimensions of a head that rotary position embedding rotates, in interleaved pairs.
pub const ROTARY: usize = 32;
/// Maximum tokens of a sequence. 15 s at 6.5 tokens a second are 98; a segment may be longer with other
/// settings.
pub const MAX_TOKENS: usize = 448;
