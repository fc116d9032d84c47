//! Forms of text fields: a pattern for the schema, and a hint for error messages.

/// The form of a text field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextRule {
    /// Regular expression of the schema, in syntax that Go's RE2, ECMA 262 and Rust share.
    pub pattern: &'static str,
    /// Expected form, to follow "write" or "expected".
    pub hint: &'static str,
}

/// Name of an S3 bucket, or ARN of an access point (S3 accepts both).
pub const BUCKET: TextRule = TextRule {
    pattern: "^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9]|arn:[A-Za-z0-9:/_.-]+)$",
    hint: "a bucket name: 3 to 63 lower-case letters, digits, dots and hyphens, without s3://",
};

/// Longest bucket name or ARN: in practice ARNs are at most this long; bucket names have up to 63 characters.
pub const MAX_BUCKET: u32 = 512;

/// Longest name of a TranscriptionJob, as of a CronJob. Names of Jobs and of their pods' hosts are labels,
/// which hold 63 characters; the round of a Job and the index of a pod take the other 11.
pub const MAX_NAME_LENGTH: usize = 52;

/// URL of an S3 service.
pub const ENDPOINT: TextRule = TextRule {
    pattern: "^https?://[A-Za-z0-9._\\[\\]:-]+/?$",
    hint: "a URL without a path, e.g. https://s3.example.net",
};

/// Language code, as in BCP 47 without its rare parts.
pub const LANGUAGE: TextRule =
    TextRule { pattern: "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", hint: "a language code, e.g. en or pt-BR" };

/// Name of a built-in or pulled model.
pub const MODEL_NAME: TextRule = TextRule {
    pattern: "^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$",
    hint: "a model name, e.g. moonshine-tiny-en",
};

/// Location of a model's folder.
pub const MODEL_URI: TextRule = TextRule {
    pattern: "^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?|file:///.+)$",
    hint: "s3://BUCKET/PREFIX/ or file:///FOLDER",
};

/// Name of a Kubernetes object (a DNS-1123 subdomain of at most 253 characters).
pub const OBJECT_NAME: TextRule = TextRule {
    pattern: "^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
    hint: "an object name: lower-case letters, digits, hyphens and dots, e.g. calls-2026-11",
};

/// Bytes, with or without a suffix.
pub const BYTES: TextRule = TextRule {
    pattern: "^([0-9]{1,15}|[0-9]{1,9}(k|M|G|Ki|Mi|Gi)|[0-9]{1,6}(T|Ti))$",
    hint: "bytes, e.g. 200Mi",
};

/// A percentage of the total, or bytes.
pub const MEMORY: TextRule = TextRule {
    pattern: "^([1-9][0-9]?%|100%|[0-9]{1,15}|[0-9]{1,9}(k|M|G|Ki|Mi|Gi)|[0-9]{1,6}(T|Ti))$",
    hint: "a percentage or bytes, e.g. 80% or 6Gi",
};

/// A percentage of all files, or a number of files.
pub const FILES: TextRule = TextRule {
    pattern: "^([0-9]{1,2}%|100%|[0-9]{1,15})$",
    hint: "a percentage or a number of files, e.g. 5% or 100",
};

/// All rules. A test checks that the schema uses no other pattern.
pub const RULES: [TextRule; 9] =
    [BUCKET, ENDPOINT, LANGUAGE, MODEL_NAME, MODEL_URI, OBJECT_NAME, BYTES, MEMORY, FILES];

/// Hint for a pattern of the schema; names the pattern itself if there is none.
pub fn hint(pattern: &str) -> String {
    RULES
        .iter()
        .find(|rule| rule.pattern == pattern)
        .map_or_else(|| format!("text that matches {pattern}"), |rule| rule.hint.to_owned())
}
