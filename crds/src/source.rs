//! Source of the recordings.
//!
//! The location is either `s3` or `file`, each an object of its own with the same `include` and `exclude`.
//! The `path` of `file` may be relative, which a `file://` URL cannot be; a `file:///...` URL is accepted
//! too. The recordings are those that match the patterns, or those in `keys` or in a `manifest`.

use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{
    path::{self, PathError},
    rules::{rule, rule_at},
    text_rule,
};

/// Maximum of patterns in a list. Each is matched with each object's name.
pub const MAX_PATTERNS: u32 = 100;

/// Maximum of keys in a job: with S3's longest keys (1024 bytes) half of etcd's limit for an object (1.5 MB).
/// Longer lists go into a `manifest`.
pub const MAX_KEYS: u32 = 700;

/// Source of the recordings: either `s3` or a folder (`file`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = [
    rule("has(self.s3) != has(self.file)", "set one location of the source: either s3 or file"),
    rule_at(
        ".manifest",
        "!has(self.keys) || !has(self.manifest)",
        "set either keys or manifest of the source, not both",
    ),
    rule(
        "!(has(self.keys) || has(self.manifest)) || \
         (!has(self.s3) || self.s3.include.size() + self.s3.exclude.size() == 0) && \
         (!has(self.file) || self.file.include.size() + self.file.exclude.size() == 0)",
        "include and exclude have no effect with keys or a manifest: remove them",
    ),
    rule_at(
        ".manifest.key",
        "!has(self.s3) || !has(self.manifest) || !self.manifest.key.startsWith('s3://')",
        "manifest.key: write the list's key without s3:// and the bucket; the list is in the source's bucket",
    ),
]))]
pub struct Source {
    /// Objects of an S3 bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Source>,
    /// Files of a folder: on this machine for `verbatim run`, in a volume of the worker (see `template`) in a
    /// cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileSource>,
    /// Only these recordings, relative to the prefix or folder. A missing recording is a failed file, not a
    /// failed job. Excludes `manifest`, `include` and `exclude`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "keys")]
    pub keys: Option<Vec<String>>,
    /// Only the recordings in a list. Excludes `keys`, `include` and `exclude`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<SourceList>,
}

/// A set, so that the API server reports duplicates; in CEL that would cost the square of their number.
fn keys(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "nullable": true,
        "minItems": 1,
        "maxItems": MAX_KEYS,
        "x-kubernetes-list-type": "set",
        "items": {
            "type": "string",
            "minLength": 1,
            "maxLength": 1024,
            "x-kubernetes-validations": [rule(
                r"!self.matches('^/|(^|/)[.][.](/|$)')",
                "keys: write keys relative to the prefix or folder, without a leading / and without .. in them",
            )],
        },
    })
}

/// Objects of an S3 bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct S3Source {
    /// The bucket.
    #[schemars(length(max = text_rule::MAX_BUCKET), extend("pattern" = text_rule::BUCKET.pattern))]
    pub bucket: String,
    /// Prefix of the keys of all recordings, e.g. `2026/11/`. Empty: the whole bucket.
    #[serde(default)]
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = [path::prefix_rule()]))]
    pub prefix: String,
    /// Patterns, one of which a recording's name must match. Empty: all names with an audio or video
    /// extension. `*` matches any characters except `/`, `**` any characters, `?` one character. A pattern
    /// without `/` matches the last part of the name, one with `/` the whole name below the prefix.
    #[serde(default)]
    #[schemars(length(max = MAX_PATTERNS), inner(length(min = 1, max = 1024)))]
    pub include: Vec<String>,
    /// Patterns of names to exclude; they take precedence over `include`.
    #[serde(default)]
    #[schemars(length(max = MAX_PATTERNS), inner(length(min = 1, max = 1024)))]
    pub exclude: Vec<String>,
}

/// Files of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileSource {
    /// Path of the folder, or of one file. Relative paths start at the manifest's folder; `file:///...` is
    /// accepted too.
    #[schemars(length(min = 1, max = 4096), extend("x-kubernetes-validations" = path::rules()))]
    pub path: String,
    /// Patterns, one of which a recording's name must match. Empty: all names with an audio or video
    /// extension. `*` matches any characters except `/`, `**` any characters, `?` one character. A pattern
    /// without `/` matches the last part of the name, one with `/` the whole name below the folder.
    #[serde(default)]
    #[schemars(length(max = MAX_PATTERNS), inner(length(min = 1, max = 1024)))]
    pub include: Vec<String>,
    /// Patterns of names to exclude; they take precedence over `include`.
    #[serde(default)]
    #[schemars(length(max = MAX_PATTERNS), inner(length(min = 1, max = 1024)))]
    pub exclude: Vec<String>,
}

impl FileSource {
    /// Path of the folder; `base` is the manifest's folder.
    ///
    /// # Errors
    /// [`PathError`] for text that is no local path.
    pub fn resolve(&self, base: &Path) -> Result<PathBuf, PathError> {
        path::resolve(&self.path, base)
    }
}

/// List of recordings relative to the prefix or folder, in UTF-8 and one of three formats. Text: one name per
/// line; empty lines and lines that begin with `#` are ignored. JSON Lines (the list's name ends in `.jsonl`
/// or `.ndjson`, or its first byte is `{`): `{"key": "a.wav"}`. CSV (the list's name ends in `.csv`): a
/// header with a column `key`. JSON and CSV may also have the `language` of a recording, its `channel` (from
/// 0; others are ignored), and an `id` that appears in the report. Of duplicates the first counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceList {
    /// Name of the list: the whole key in the source's bucket, or a path as in `file.path`. Text with one
    /// name per line, JSON Lines (`.jsonl`, `.ndjson`; objects with a `key` and optionally `language`,
    /// `channel` and `id`), or CSV (`.csv`) with columns of these names.
    #[schemars(length(min = 1, max = 4096))]
    pub key: String,
}
