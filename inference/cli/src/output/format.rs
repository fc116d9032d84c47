//! The forms of a transcript, which the manifest names as well.

pub use verbatim_crds::destination::{Format, FormatError};
