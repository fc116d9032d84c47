//! Error answers: from HTTP status and S3 error code to the closed list of kinds.

use crate::error::ErrorKind;

/// Operation, as far as it changes the meaning of an error answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum S3Operation {
    Head,
    Get,
    /// A write; `replaces`: on the condition that a certain version exists.
    Put {
        replaces: bool,
    },
    Delete,
    List,
}

impl S3Operation {
    /// Verb for messages.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Head => "read the metadata of",
            Self::Get => "read",
            Self::Put { .. } => "write",
            Self::Delete => "remove",
            Self::List => "list",
        }
    }
}

/// Kind of an error answer. `code` is S3's error code; absent if the answer has no body or comes from a
/// proxy.
pub(super) fn kind(operation: S3Operation, status: u16, code: Option<&str>) -> ErrorKind {
    match code.and_then(by_code).unwrap_or_else(|| by_status(operation, status)) {
        // AWS: the object to replace no longer exists.
        ErrorKind::NotFound if operation == (S3Operation::Put { replaces: true }) => {
            ErrorKind::PreconditionFailed
        }
        kind => kind,
    }
}

fn by_code(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "NoSuchKey" | "NotFound" | "NoSuchVersion" => ErrorKind::NotFound,
        "NoSuchBucket" => ErrorKind::NoBucket,
        "AccessDenied"
        | "AllAccessDisabled"
        | "AccountProblem"
        | "InvalidObjectState"
        | "NotSignedUp"
        | "MethodNotAllowed"
        | "KMS.DisabledException"
        | "KMS.AccessDeniedException" => ErrorKind::AccessDenied,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidToken"
        | "TokenRefreshRequired"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSecurity"
        // versitygw, with status 404.
        | "XAdminUserNotFound"
        | "CredentialsNotSupported" => ErrorKind::Credentials,
        "PermanentRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException"
        | "Redirect"
        | "IncorrectEndpoint" => ErrorKind::WrongRegion,
        "SlowDown"
        | "Throttling"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "TooManyRequests"
        | "ServerBusy"
        | "ConcurrentRequestLimitExceeded" => ErrorKind::Throttled,
        "InternalError"
        | "ServiceUnavailable"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "TemporaryRedirect"
        | "IncompleteBody"
        | "BadDigest"
        | "XAmzContentSHA256Mismatch" => ErrorKind::Unavailable,
        "PreconditionFailed" => ErrorKind::PreconditionFailed,
        "ConditionalRequestConflict" | "OperationAborted" => ErrorKind::Conflict,
        "RequestTimeTooSkewed" | "RequestExpired" => ErrorKind::ClockSkew,
        "NotImplemented" | "NotSupported" => ErrorKind::Unsupported,
        "InsufficientStorage"
        | "XMinioStorageFull"
        | "QuotaExceeded"
        | "ServiceQuotaExceeded"
        | "InsufficientCapacity" => ErrorKind::NoSpace,
        "EntityTooLarge" | "KeyTooLongError" | "InvalidBucketName" | "InvalidArgument" | "InvalidRequest" => {
            ErrorKind::Invalid
        }
        _ => return None,
    })
}

fn by_status(operation: S3Operation, status: u16) -> ErrorKind {
    match status {
        301 | 308 => ErrorKind::WrongRegion,
        302 | 307 | 408 | 425 => ErrorKind::Unavailable,
        401 => ErrorKind::Credentials,
        403 => ErrorKind::AccessDenied,
        // S3 names what it does not find, except for HEAD, whose answers have no body. A "not found" page of
        // another server says nothing about an object.
        404 if operation == S3Operation::Head => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        412 => ErrorKind::PreconditionFailed,
        429 => ErrorKind::Throttled,
        501 => ErrorKind::Unsupported,
        507 => ErrorKind::NoSpace,
        500.. => ErrorKind::Unavailable,
        _ => ErrorKind::Invalid,
    }
}

/// Whether a write with this error may have happened nevertheless: the service, or a proxy in front of it,
/// failed midway.
pub(super) fn is_unclear(status: u16, kind: ErrorKind) -> bool {
    (status >= 500 || status == 408) && kind == ErrorKind::Unavailable
}

/// What a person can do about it.
pub(super) fn advice(operation: S3Operation, kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NoBucket => {
            "check the name of the bucket (source.s3.bucket, destination.s3.bucket) and storage.endpoint"
        }
        ErrorKind::AccessDenied => match operation {
            S3Operation::Head | S3Operation::Get => {
                "check the permissions of the credentials: s3:GetObject, and s3:ListBucket, without which a missing object \
                 looks like this too"
            }
            S3Operation::Put { .. } => {
                "check the permissions of the credentials: s3:PutObject and, to replace, s3:GetObject"
            }
            S3Operation::Delete => "check the permissions of the credentials: s3:DeleteObject",
            S3Operation::List => "check the permissions of the credentials: s3:ListBucket",
        },
        ErrorKind::Credentials => "check storage.credentialsSecretRef, or the worker's identity",
        ErrorKind::WrongRegion => "check storage.region",
        ErrorKind::ClockSkew => "the clock of this machine is wrong",
        ErrorKind::Unsupported => "check storage.endpoint and storage.requestChecksum",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUT: S3Operation = S3Operation::Put { replaces: false };

    #[test]
    fn codes_come_before_status() {
        for (status, code, wanted) in [
            (404, Some("NoSuchKey"), ErrorKind::NotFound),
            (404, Some("NoSuchBucket"), ErrorKind::NoBucket),
            (403, Some("AccessDenied"), ErrorKind::AccessDenied),
            (403, Some("InvalidAccessKeyId"), ErrorKind::Credentials),
            (403, Some("SignatureDoesNotMatch"), ErrorKind::Credentials),
            (400, Some("ExpiredToken"), ErrorKind::Credentials),
            (301, Some("PermanentRedirect"), ErrorKind::WrongRegion),
            (400, Some("AuthorizationHeaderMalformed"), ErrorKind::WrongRegion),
            (503, Some("SlowDown"), ErrorKind::Throttled),
            (503, Some("ServiceUnavailable"), ErrorKind::Unavailable),
            (500, Some("InternalError"), ErrorKind::Unavailable),
            (400, Some("RequestTimeout"), ErrorKind::Unavailable),
            (412, Some("PreconditionFailed"), ErrorKind::PreconditionFailed),
            (409, Some("ConditionalRequestConflict"), ErrorKind::Conflict),
            (403, Some("RequestTimeTooSkewed"), ErrorKind::ClockSkew),
            (501, Some("NotImplemented"), ErrorKind::Unsupported),
            (507, Some("InsufficientStorage"), ErrorKind::NoSpace),
            (400, Some("EntityTooLarge"), ErrorKind::Invalid),
            (503, Some("SomethingNew"), ErrorKind::Unavailable),
            (403, None, ErrorKind::AccessDenied),
            (404, None, ErrorKind::Invalid),
            (404, Some("SomethingNew"), ErrorKind::Invalid),
            (429, None, ErrorKind::Throttled),
            (412, None, ErrorKind::PreconditionFailed),
            (502, None, ErrorKind::Unavailable),
            (507, None, ErrorKind::NoSpace),
            (400, None, ErrorKind::Invalid),
        ] {
            assert_eq!(kind(PUT, status, code), wanted, "{status} {code:?}");
        }
    }

    #[test]
    fn replacing_a_missing_object_is_a_failed_precondition() {
        let replace = S3Operation::Put { replaces: true };
        assert_eq!(kind(replace, 404, Some("NoSuchKey")), ErrorKind::PreconditionFailed);
        assert_eq!(kind(replace, 404, Some("NoSuchBucket")), ErrorKind::NoBucket);
    }

    #[test]
    fn only_an_s3_error_code_says_that_an_object_does_not_exist() {
        assert_eq!(kind(S3Operation::Head, 404, None), ErrorKind::NotFound);
        for operation in [S3Operation::Get, S3Operation::Delete, S3Operation::List] {
            assert_eq!(kind(operation, 404, None), ErrorKind::Invalid, "{operation:?}");
        }
    }

    #[test]
    fn only_a_failure_midway_leaves_a_write_unclear() {
        assert!(is_unclear(500, ErrorKind::Unavailable));
        assert!(is_unclear(504, ErrorKind::Unavailable));
        assert!(!is_unclear(503, ErrorKind::Throttled));
        assert!(!is_unclear(412, ErrorKind::PreconditionFailed));
        assert!(!is_unclear(409, ErrorKind::Conflict));
    }
}
