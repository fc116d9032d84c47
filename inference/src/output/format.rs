//! The forms of a transcript.

use std::{fmt, str::FromStr};

/// A form of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// The whole transcript: times, scores, source and model. A superset of OpenAI's `verbose_json`.
    Json,
    /// SubRip subtitles.
    Srt,
    /// WebVTT subtitles.
    Vtt,
    /// The text alone, a line for each stretch of speech.
    Txt,
}

impl From<verbatim_crds::destination::Format> for Format {
    fn from(format: verbatim_crds::destination::Format) -> Self {
        use verbatim_crds::destination::Format as Theirs;
        match format {
            Theirs::Json => Self::Json,
            Theirs::Srt => Self::Srt,
            Theirs::Vtt => Self::Vtt,
            Theirs::Txt => Self::Txt,
        }
    }
}

impl From<Format> for verbatim_crds::destination::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Json => Self::Json,
            Format::Srt => Self::Srt,
            Format::Vtt => Self::Vtt,
            Format::Txt => Self::Txt,
        }
    }
}

/// A text that names no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a format: write json, srt, vtt or txt")]
pub struct FormatError(String);

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Json, Self::Srt, Self::Vtt, Self::Txt];

    /// The ending of its files, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
            Self::Txt => "txt",
        }
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let name = text.to_ascii_lowercase();
        let found = Self::ALL.into_iter().find(|format| format.extension() == name);
        found.ok_or_else(|| FormatError(text.to_owned()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
            assert_eq!(format.to_string().to_uppercase().parse(), Ok(format));
        }
        for wrong in ["", "text", "json ", ".srt"] {
            assert_eq!(wrong.parse::<Format>(), Err(FormatError(wrong.to_owned())));
        }
    }
}
