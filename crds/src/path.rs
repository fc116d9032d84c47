//! Paths in manifests: absolute or relative paths, or `file://` URLs.
//!
//! Plain paths are preferred, since they may be relative; relative `file://` URLs do not exist. Relative
//! paths start at the manifest's folder, so that a manifest can move with its recordings, and a run does not
//! depend on its working folder.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::rules::rule;

/// CEL rules of a path; [`resolve`] checks the same, and that the bytes are UTF-8.
pub(crate) fn rules() -> Vec<Value> {
    vec![
        rule(
            "!self.matches('^[A-Za-z0-9]*://') || self.startsWith('file:///')",
            "path: write a path, e.g. /srv/calls, or file:/// and an absolute path; for a bucket use s3",
        ),
        rule(
            "!self.startsWith('file://') || self.matches('^([^%]|%[0-9A-Fa-f]{2})*$')",
            "path: in a file:// URL two hexadecimal digits must follow each %; write %25 for % itself",
        ),
    ]
}

/// CEL rule of a prefix of a bucket.
pub(crate) fn prefix_rule() -> Value {
    rule("!self.startsWith('s3://')", "prefix: write it without s3:// and the bucket, e.g. 2026/11/")
}

/// An invalid path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path is empty.
    #[error("the path is empty")]
    Empty,
    /// A URL with another scheme than `file`.
    #[error("{0:?} is not a local path: of URLs only file:// is supported")]
    OtherScheme(String),
    /// A `file://` URL with a host, or a relative one.
    #[error("{0:?} has a host: write file:/// and an absolute path, or a plain path")]
    Host(String),
    /// `%` without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("{0:?} has an invalid % escape")]
    Escape(String),
    /// A zero byte, which no file system supports.
    #[error("the path has a zero byte")]
    Zero,
}

/// Resolves the text of a manifest to a path.
///
/// `base` is the manifest's folder (the current one for a manifest from standard input); absolute paths
/// ignore it. The file system resolves symbolic links and `..`.
///
/// # Errors
/// [`PathError`] for text that is no local path.
pub fn resolve(text: &str, base: &Path) -> Result<PathBuf, PathError> {
    if text.is_empty() {
        return Err(PathError::Empty);
    }
    let path = match text.split_once("://") {
        None => text.to_owned(),
        Some(("file", rest)) if rest.starts_with('/') => unescape(rest, text)?,
        Some(("file", _)) => return Err(PathError::Host(text.to_owned())),
        Some((scheme, _)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            return Err(PathError::OtherScheme(text.to_owned()));
        }
        Some(_) => text.to_owned(),
    };
    if path.contains('\0') { Err(PathError::Zero) } else { Ok(base.join(path)) }
}

/// Decodes percent escapes as in RFC 3986 for paths.
fn unescape(path: &str, whole: &str) -> Result<String, PathError> {
    let invalid = || PathError::Escape(whole.to_owned());
    let mut bytes = path.bytes();
    let mut plain = Vec::with_capacity(path.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            plain.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
        let (high, low) = (digit().ok_or_else(invalid)?, digit().ok_or_else(invalid)?);
        plain.push((high * 16 + low) as u8);
    }
    String::from_utf8(plain).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Result<String, PathError> {
        resolve(text, Path::new("/jobs")).map(|path| path.display().to_string())
    }

    #[test]
    fn paths_and_file_urls() {
        assert_eq!(at("calls"), Ok("/jobs/calls".into()));
        assert_eq!(at("/calls"), Ok("/calls".into()));
        assert_eq!(at("../calls/100%"), Ok("/jobs/../calls/100%".into()));
        assert_eq!(at("file:///calls/a%20b/%C3%A9"), Ok("/calls/a b/\u{e9}".into()));
        assert_eq!(at("odd folder://x"), Ok("/jobs/odd folder://x".into()));
    }

    #[test]
    fn each_error() {
        assert_eq!(at(""), Err(PathError::Empty));
        assert_eq!(at("s3://calls/x"), Err(PathError::OtherScheme("s3://calls/x".into())));
        assert_eq!(at("file://calls/x"), Err(PathError::Host("file://calls/x".into())));
        assert_eq!(at("file:///a%2"), Err(PathError::Escape("file:///a%2".into())));
        assert_eq!(at("file:///a%FF"), Err(PathError::Escape("file:///a%FF".into())));
        assert_eq!(at("file:///a%00"), Err(PathError::Zero));
        assert_eq!(at("a\0b"), Err(PathError::Zero));
    }
}
