//! Selection of audio files in a directory.

use std::path::Path;

use crate::audio::decode::sniff::{self, Format};
use crate::audio::decode::source::OpenFile;

/// Extensions, in lower case, that make a file count as audio whatever its content is, so that damaged files
/// are reported.
pub const AUDIO_EXTENSIONS: &[&str] = &[
    "wav", "wave", "rf64", "bw64", "flac", "mp3", "mp2", "mp1", "m4a", "m4b", "mp4", "m4v", "mov", "aac",
    "ogg", "oga", "ogv", "opus", "mkv", "mka", "webm", "aif", "aiff", "aifc", "caf", "alac", "3gp", "3g2",
    "wma", "amr", "ape", "wv", "au", "snd", "gsm", "ac3", "w64",
];

/// Whether a file is audio or video by its extension or its first bytes. Reads at most 64 KiB. A file that
/// cannot be read is judged by its extension alone.
pub fn looks_like_audio(path: &Path) -> bool {
    let by_name = path
        .extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| AUDIO_EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(e)));
    by_name
        || OpenFile::open(path)
            .and_then(|file| file.head(0, sniff::HEAD_LEN))
            .is_ok_and(|head| sniff::id3_len(&head) > 0 || sniff::sniff(&head) != Format::Unknown)
}
