//! Extensions of file names.

/// Extensions of names that are taken for recordings without a look at the contents, in lower case.
pub const AUDIO_EXTENSIONS: [&str; 93] = [
    "3g2", "3gp", "aa3", "aac", "ac3", "adts", "aif", "aifc", "aiff", "al", "alac", "alaw", "amr", "ape",
    "asf", "au", "avi", "awb", "bw64", "caf", "dff", "dsf", "dts", "dtshd", "eac3", "ec3", "f4v", "flac",
    "flv", "g722", "g723", "g726", "g729", "gsm", "ircam", "latm", "lbc", "loas", "m2ts", "m4a", "m4b",
    "m4v", "mka", "mkv", "mlp", "mov", "mp1", "mp2", "mp3", "mp4", "mpc", "mpeg", "mpg", "mpga", "mts",
    "mxf", "nist", "nut", "oga", "ogg", "ogv", "oma", "opus", "qcp", "ra", "rf64", "rm", "rmvb", "sbc", "sf",
    "shn", "sln", "snd", "sph", "spx", "tak", "thd", "ts", "tta", "ul", "ulaw", "vob", "voc", "w64", "wav",
    "wave", "weba", "webm", "wma", "wmv", "wtv", "wv", "xwma",
];

/// Whether a name has an audio or video extension.
pub fn has_audio_extension(name: &str) -> bool {
    split_extension(file_name(name))
        .1
        .is_some_and(|extension| AUDIO_EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

/// Last part of a name: what follows its last `/`.
pub(super) fn file_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Splits a name into stem and extension, without the dot. A leading dot of the last part belongs to the
/// stem.
pub(super) fn split_extension(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !extension.contains('/') && !stem.is_empty() && !stem.ends_with('/') => {
            (stem, Some(extension))
        }
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_extensions() {
        for name in ["a.wav", "A.WAV", "x.y/a.b.Mp3", ".hidden.ogg"] {
            assert!(has_audio_extension(name), "{name}");
        }
        for name in ["a.txt", "wav", ".wav", "x/.wav", "a.wav/b", "a.", "", "a.wav.json"] {
            assert!(!has_audio_extension(name), "{name}");
        }
    }

    #[test]
    fn extensions_are_split_as_in_std_path() {
        for name in ["a.b.c", "a/b.c", "a.b/c", ".a", "x/.a", "a.", "..a", "a/.b.c", "a"] {
            let path = std::path::Path::new(name);
            let (stem, extension) = split_extension(file_name(name));
            assert_eq!(Some(stem), path.file_stem().and_then(|stem| stem.to_str()), "{name}");
            assert_eq!(extension, path.extension().and_then(|extension| extension.to_str()), "{name}");
        }
    }
}
