//! Where the recordings are.
//!
//! The place is one of `s3` and `file`, each an object of its own: `file` sits beside `s3`, takes the same `include`
//! and `exclude`, and its `path` may be relative, which a `file://` URL could not be. (A `file:///...` URL is
//! taken as a `path` all the same.) What is taken from the place is everything that the patterns let through, or
//! `keys`, or what a `manifest` lists.

use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{
    path::{self, PathError},
    rules::{rule, rule_at},
    text_rule,
};

/// Most patterns in a list. Each is tried on each object's name.
pub const MAX_PATTERNS: u32 = 100;

/// Most keys in a job itself: with S3's longest keys (1024 bytes) half of what etcd holds in one object (1.5 MB).
/// Longer lists go into a `manifest`.
pub const MAX_KEYS: u32 = 700;

/// Where the recordings are: in `s3` or in a folder (`file`), one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = [
    rule("has(self.s3) != has(self.file)", "give the source one place: either s3 or file"),
    rule_at(
        ".manifest",
        "!has(self.keys) || !has(self.manifest)",
        "give the source keys or a manifest, not both",
    ),
    rule(
        "!(has(self.keys) || has(self.manifest)) || \
         (!has(self.s3) || self.s3.include.size() + self.s3.exclude.size() == 0) && \
         (!has(self.file) || self.file.include.size() + self.file.exclude.size() == 0)",
        "include and exclude choose among what is found: leave them out with keys or a manifest",
    ),
    rule_at(
        ".manifest.key",
        "!has(self.s3) || !has(self.manifest) || !self.manifest.key.startsWith('s3://')",
        "manifest.key: write the list's key without s3:// and the bucket; it is in the source's bucket",
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
    /// Only these recordings, named from the prefix or the folder on. A name that is not there is a failed file, not
    /// a failed job. Not with `manifest`, `include` or `exclude`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "keys")]
    pub keys: Option<Vec<String>>,
    /// Only the recordings that a list names. Not with `keys`, `include` or `exclude`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<SourceList>,
}

/// A set, so that the API server says which key is there twice: in CEL that costs the square of their number.
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
                "keys: write names from the prefix or the folder on, without / before and .. in them",
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
    /// What the keys of all recordings begin with, as `2026/11/`. Empty: the whole bucket.
    #[serde(default)]
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = [path::prefix_rule()]))]
    pub prefix: String,
    /// Patterns that a recording's name has to match one of; none: every name that looks like audio or video.
    /// `*` stands for any characters but `/`, `**` for any, `?` for one. A pattern without `/` is held against the
    /// last part of the name, one with `/` against all of it below the prefix.
    #[serde(default)]
    #[schemars(length(max = MAX_PATTERNS), inner(length(min = 1, max = 1024)))]
    pub include: Vec<String>,
    /// Patterns of names to leave out, even where `include` has them.
    #[serde(default)]
    #[schemars(length(max = MAX_PATTERNS), inner(length(min = 1, max = 1024)))]
    pub exclude: Vec<String>,
}

/// Files of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileSource {
    /// The folder, or one file. A relative path starts at the folder that the manifest is in; `file:///...` is taken
    /// as well.
    #[schemars(length(min = 1, max = 4096), extend("x-kubernetes-validations" = path::rules()))]
    pub path: String,
    /// Patterns that a recording's name has to match one of; none: every name that looks like audio or video.
    /// `*` stands for any characters but `/`, `**` for any, `?` for one. A pattern without `/` is held against the
    /// last part of the name, one with `/` against all of it below the folder.
    #[serde(default)]
    #[schemars(length(max = MAX_PATTERNS), inner(length(min = 1, max = 1024)))]
    pub include: Vec<String>,
    /// Patterns of names to leave out, even where `include` has them.
    #[serde(default)]
    #[schemars(length(max = MAX_PATTERNS), inner(length(min = 1, max = 1024)))]
    pub exclude: Vec<String>,
}

impl FileSource {
    /// The folder as a path; `base` is the manifest's folder.
    ///
    /// # Errors
    /// [`PathError`] for text that names no local path.
    pub fn resolve(&self, base: &Path) -> Result<PathBuf, PathError> {
        path::resolve(&self.path, base)
    }
}

/// A list of recordings, each named from the prefix or the folder on, in UTF-8 and one of three forms. Text: a name a
/// line; empty lines and lines that begin with `#` do not count. JSON Lines (the list's name ends in `.jsonl` or
/// `.ndjson`, or its first byte is `{`): `{"key": "a.wav"}`. CSV (the list's name ends in `.csv`): a header with a
/// column `key`. JSON and CSV may also say the `language` of a recording, its `channel` (from 0; the others are left
/// out), and an `id` that comes back in the report. A name that is there twice counts once, as it was first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceList {
    /// Name of the list itself: the whole key in the source's bucket, or a path as in `file.path`. Text with a name a
    /// line, JSON Lines (`.jsonl`, `.ndjson`; a `key` and, as wanted, `language`, `channel` and `id` in each), or CSV
    /// (`.csv`) with columns of these names.
    #[schemars(length(min = 1, max = 4096))]
    pub key: String,
}
