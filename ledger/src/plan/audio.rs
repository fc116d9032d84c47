//! Which names are those of recordings.

/// Endings of names that are taken for recordings without a look inside, in lower case.
pub const ENDINGS: [&str; 34] = [
    "3gp", "aac", "adts", "aif", "aifc", "aiff", "alac", "amr", "au", "caf", "flac", "gsm", "m4a", "m4b",
    "m4v", "mka", "mkv", "mov", "mp1", "mp2", "mp3", "mp4", "mpga", "oga", "ogg", "ogv", "opus", "ra", "snd",
    "spx", "wav", "wave", "webm", "wma",
];

/// Whether a name ends as those of audio and video do.
pub fn has_audio_ending(name: &str) -> bool {
    split_ending(last(name))
        .1
        .is_some_and(|ending| ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending)))
}

/// The last part of a name: what comes after its last `/`.
pub(super) fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// A name without its last ending, and the ending without its dot. A dot that a name's last part begins with belongs
/// to the part.
pub(super) fn split_ending(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('.') {
        Some((stem, ending)) if !ending.contains('/') && !stem.is_empty() && !stem.ends_with('/') => {
            (stem, Some(ending))
        }
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings() {
        for name in ["a.wav", "A.WAV", "x.y/a.b.Mp3", ".hidden.ogg"] {
            assert!(has_audio_ending(name), "{name}");
        }
        for name in ["a.txt", "wav", ".wav", "x/.wav", "a.wav/b", "a.", "", "a.wav.json"] {
            assert!(!has_audio_ending(name), "{name}");
        }
    }

    #[test]
    fn an_ending_is_split_as_the_file_system_would() {
        for name in ["a.b.c", "a/b.c", "a.b/c", ".a", "x/.a", "a.", "..a", "a/.b.c", "a"] {
            let path = std::path::Path::new(name);
            let (stem, ending) = split_ending(last(name));
            assert_eq!(Some(stem), path.file_stem().and_then(|stem| stem.to_str()), "{name}");
            assert_eq!(ending, path.extension().and_then(|ending| ending.to_str()), "{name}");
        }
    }
}
