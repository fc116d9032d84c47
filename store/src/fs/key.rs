//! Which keys can be objects in a folder, and the parts of their paths.
//!
//! A key that passes is made of plain names alone, so the path that it gives cannot leave the root. What the store
//! keeps for itself below the root is no key either.

use verbatim_files::temporary_file;

/// Most bytes of a key: S3's own limit, so that what fits here fits there. It also bounds how deep folders are.
pub(super) const KEY_BYTES: usize = 1024;

/// Most bytes of one name: `NAME_MAX` of every file system that Linux mounts for data.
const NAME_BYTES: usize = 255;

/// Where the store keeps its lock files.
pub(super) const LOCKS: [&str; 2] = [".verbatim", "locks"];

/// Where the store keeps metadata.
pub(super) const METADATA: [&str; 2] = [".verbatim", "meta"];

/// The parts of a key, or why it can be none here.
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
        return Err("the store keeps its own files there");
    }
    Ok(parts)
}

/// Whether the path of these parts is the store's own, or below one that is.
pub(super) fn is_own(parts: &[&str]) -> bool {
    parts.starts_with(&LOCKS) || parts.starts_with(&METADATA)
}

/// Whether a key may have this part, or why not.
pub(super) fn name(part: &str) -> Result<(), &'static str> {
    if part.is_empty() {
        return Err("a part of it is empty");
    }
    if part == "." || part == ".." {
        return Err("a part of it means a folder");
    }
    if part.contains('\0') {
        return Err("it has a NUL");
    }
    if part.len() > NAME_BYTES {
        return Err("a part of it is longer than 255 bytes");
    }
    if temporary_file::is_temporary_name(part) {
        return Err("a part of it is named as temporary files are");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path, PathBuf};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hostile_keys_are_none() {
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
    fn odd_keys_are_keys() {
        for key in
            ["...", "a b", "ä/日本.wav", "-rf", ".verbatim/uid/plan.json", "a\\b", "x/.verbatim/locks/y"]
        {
            assert_eq!(parts(key).unwrap().join("/"), key);
        }
    }

    proptest! {
        #[test]
        fn a_key_that_passes_is_a_path_below_the_root(key in "([a./\\\\\u{0}~*é -]|\\.\\.|//){0,40}") {
            if let Ok(parts) = parts(&key) {
                let path = Path::new("/root").join(parts.iter().collect::<PathBuf>());
                let plain = path.components().skip(2).all(|part| matches!(part, Component::Normal(_)));
                prop_assert!(plain && path.starts_with("/root"), "{path:?}");
                // Nothing is folded together: two keys are two paths.
                prop_assert_eq!(path.to_str().unwrap(), format!("/root/{key}"));
            }
        }
    }
}
