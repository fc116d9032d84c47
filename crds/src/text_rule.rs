//! The forms that text fields have: a pattern for the schema, and words for the person who got it wrong.

/// The form of a text field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextRule {
    /// Regular expression of the schema. Only syntax that Go's RE2, ECMA 262 and Rust share.
    pub pattern: &'static str,
    /// What to write, to follow "write" or "expected".
    pub hint: &'static str,
}

/// Name of an S3 bucket, or the ARN of an access point (S3 takes either where a bucket is asked for).
pub const BUCKET: TextRule = TextRule {
    pattern: "^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9]|arn:[A-Za-z0-9:/_.-]+)$",
    hint: "a bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens, without s3://",
};

/// Longest of them: Amazon's names of resources are at most this long in practice; names of buckets have 63.
pub const MAX_BUCKET: u32 = 512;

/// Longest name of a TranscriptionJob, as of a CronJob. Names of Jobs and of their pods' hosts are labels, which hold 63
/// characters; the round of a Job and the index of a pod take the other 11.
pub const MAX_NAME_LENGTH: usize = 52;

/// Address of an S3 service.
pub const ENDPOINT: TextRule = TextRule {
    pattern: "^https?://[A-Za-z0-9._\\[\\]:-]+/?$",
    hint: "an address without a path, as https://s3.example.net",
};

/// Language, as in BCP 47 without its rarer parts.
pub const LANGUAGE: TextRule =
    TextRule { pattern: "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", hint: "a language code, as en or pt-BR" };

/// Name of a model that is built in or was pulled.
pub const MODEL_NAME: TextRule = TextRule {
    pattern: "^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$",
    hint: "a model's name, as moonshine-tiny-en",
};

/// Where a model's folder is.
pub const MODEL_URI: TextRule = TextRule {
    pattern: "^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?|file:///.+)$",
    hint: "s3://BUCKET/PREFIX/ or file:///FOLDER",
};

/// Name of a Kubernetes object (a DNS-1123 subdomain of at most 253 characters).
pub const OBJECT_NAME: TextRule = TextRule {
    pattern: "^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
    hint: "an object's name: lower-case letters, digits, hyphens and dots, as calls-2026-11",
};

/// Bytes, with or without a suffix.
pub const BYTES: TextRule = TextRule {
    pattern: "^([0-9]{1,15}|[0-9]{1,9}(k|M|G|Ki|Mi|Gi)|[0-9]{1,6}(T|Ti))$",
    hint: "bytes, as 200Mi",
};

/// A share of what there is, or bytes.
pub const MEMORY: TextRule = TextRule {
    pattern: "^([1-9][0-9]?%|100%|[0-9]{1,15}|[0-9]{1,9}(k|M|G|Ki|Mi|Gi)|[0-9]{1,6}(T|Ti))$",
    hint: "a share or bytes, as 80% or 6Gi",
};

/// A share of all files, or a number of files.
pub const FILES: TextRule = TextRule {
    pattern: "^([0-9]{1,2}%|100%|[0-9]{1,15})$",
    hint: "a share or a number of files, as 5% or 100",
};

/// Every rule. The schema uses no pattern that is not here; a test holds it to that.
pub const RULES: [TextRule; 9] =
    [BUCKET, ENDPOINT, LANGUAGE, MODEL_NAME, MODEL_URI, OBJECT_NAME, BYTES, MEMORY, FILES];

/// The words for a pattern of the schema; the pattern itself where there are none.
pub fn hint(pattern: &str) -> String {
    RULES
        .iter()
        .find(|rule| rule.pattern == pattern)
        .map_or_else(|| format!("text that matches {pattern}"), |rule| rule.hint.to_owned())
}
