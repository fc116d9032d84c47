//! Validation of keys, and the parts of their paths.
//!
//! A valid key consists of plain names, so its path cannot leave the root. The store's own files below the
//! root are not valid keys.

use verbatim_files::temporary_file;

/// Longest key in bytes: S3's own limit, so that a key valid here is valid there. It also bounds the depth of
/// folders.
pub(super) const KEY_BYTES: usize = 1024;

/// Longest name in bytes: `NAME_MAX` of every file system that Linux mounts for data.
const NAME_BYTES: usize = 255;

/// Folder of the store's lock files.
pub(super) const LOCKS: [&str; 2] = [".verbatim", "locks"];

/// Folder of the store's metadata files.
pub(super) const METADATA: [&str; 2] = [".verbatim", "meta"];

/// The parts of a key, or the reason why it is invalid.
pub(super) fn parts(key: &str) -> Result<Vec<&str>, &'static str> {
    if key.is_empty() {
        return Err("it is empty");
    }
    if key.len() > KEY_BYTES {
        return Err("it is longer than 1024 bytes");
    }
    let parts: Vec<_> = key.split('/').collect();
    for part in &parts {
        name(part)?;
    }
    if is_own(&parts) {
        return Err("it is in a folder of the store's own");
    }
    Ok(parts)
}

/// Whether the path of these parts is in a folder of the store's own.
pub(super) fn is_own(parts: &[&str]) -> bool {
    parts.starts_with(&LOCKS) || parts.starts_with(&METADATA)
}

/// Checks a part of a key; the error is the reason why it is invalid.
pub(super) fn name(part: &str) -> Result<(), &'static str> {
    if part.is_empty() {
        return Err("a part of it is empty");
    }
    if part == "." || part == ".." {
        return Err("a part of it is a relative path");
    }
    if part.contains('\0') {
        return Err("it contains NUL");
    }
    if part.len() > NAME_BYTES {
        return Err("a part of it is longer than 255 bytes");
    }
    if temporary_file::is_temporary_name(part) {
        return Err("a part of it is the name of a temporary file");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path, PathBuf};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hostile_keys_are_invalid() {
        let long = "n".repeat(256);
        let deep = "d/".repeat(512) + "f";
        for key in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "a/../x",
            "a/..",
            ".",
            "./a",
            "a/./b",
            "a//b",
            "a/",
            "a\0b",
            &long,
            &deep,
            ".verbatim/locks",
            ".verbatim/locks/00",
            ".verbatim/meta/00/x.json",
            "a/.verbatim-0.tmp",
        ] {
            assert!(parts(key).is_err(), "{key:?}");
        }
    }

    #[test]
    fn odd_keys_are_valid() {
        for key in
            ["...", "a b", "ä/日本.wav", "-rf", ".verbatim/uid/plan.json", "a\\b", "x/.verbatim/locks/y"]
        {
            assert_eq!(parts(key).unwrap().join("/"), key);
        }
    }

    proptest! {
        #[test]
        fn a_valid_key_is_a_path_below_the_root(key in "([a./\\\\\u{0}~*é -]|\\.\\.|//){0,40}") {
            if let Ok(parts) = parts(&key) {
                let path = Path::new("/root").join(parts.iter().collect::<PathBuf>());
                let plain = path.components().skip(2).all(|part| matches!(part, Component::Normal(_)));
                prop_assert!(plain && path.starts_with("/root"), "{path:?}");
                // Keys map to paths one to one.
                prop_assert_eq!(path.to_str().unwrap(), format!("/root/{key}"));
            }
        }
    }
}
