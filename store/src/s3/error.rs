//! From the SDK's errors to the store's: one line each with the operation, the address, the service's
//! message, and what to do.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use verbatim_text::error_chain;

use super::classify::{self, S3Operation};
use super::signing_clock::SigningClock;
use super::transport;
use crate::error::{ErrorKind, StoreError};

/// Longest service message that is passed on, in characters: enough for a sentence, not for a page of HTML.
const MAX_MESSAGE_CHARS: usize = 300;

/// The request, for messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestContext<'a> {
    pub(super) operation: S3Operation,
    /// Such as `s3://bucket/key`.
    pub(super) address: &'a str,
    /// URL of the service; absent: AWS.
    pub(super) endpoint: Option<&'a str>,
    /// Region that the request was sent to.
    pub(super) region: &'a str,
}

/// The store's error for a failed request. Corrects the signing clock if that was the cause.
pub(super) fn store_error<E>(
    request: RequestContext<'_>,
    error: &SdkError<E, HttpResponse>,
    clock: &SigningClock,
) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.raw_response() {
        Some(response) => {
            let answer = ErrorAnswer { code: error.code(), message: error.message(), response };
            answer_error(request, &answer, clock)
        }
        None => transport_error(request, error),
    }
}

struct ErrorAnswer<'a> {
    code: Option<&'a str>,
    message: Option<&'a str>,
    response: &'a HttpResponse,
}

fn answer_error(request: RequestContext<'_>, answer: &ErrorAnswer<'_>, clock: &SigningClock) -> StoreError {
    let status = answer.response.status().as_u16();
    if status < 300 {
        // Unreadable XML was cut in transit; anything else is not from an S3 service. Either way a write was
        // accepted.
        let form = answer.response.headers().get("content-type").unwrap_or_default();
        let (kind, what) = if form.contains("xml") {
            (ErrorKind::Unavailable, "the answer is truncated or damaged")
        } else {
            let what = "the answer is not S3's: check whether storage.endpoint is that of an S3 service";
            (ErrorKind::Invalid, what)
        };
        return StoreError::new(kind, message(request, what, "")).unclear();
    }
    let mut kind = classify::kind(request.operation, status, answer.code);
    let xml = || answer.response.headers().get("content-type").is_some_and(|form| form.contains("xml"));
    if kind == ErrorKind::Invalid && answer.code.is_none() && xml() {
        // S3's own error answers have a code: this one was cut in transit.
        kind = ErrorKind::Unavailable;
    }
    let date = answer.response.headers().get("date").and_then(http_date);
    // If the body does not say what is wrong with the signature, the date may.
    let learnt =
        (kind == ErrorKind::ClockSkew || status == 403) && date.is_some_and(|date| clock.learn(date));
    if learnt {
        kind = ErrorKind::ClockSkew;
    }
    let mut advice = classify::advice(request.operation, kind).to_owned();
    if kind == ErrorKind::Invalid && answer.code.is_none() {
        advice = "check whether storage.endpoint is that of an S3 service".to_owned();
    }
    if kind == ErrorKind::WrongRegion {
        advice = match right_region(answer) {
            Some(region) => format!("the region is {region}, not {}: check storage.region", request.region),
            None => format!("{advice}, which is {}", request.region),
        };
    }
    let words = ServiceMessage { status, code: answer.code, message: answer.message };
    let error = StoreError::new(kind, message(request, words, &advice))
        .retry_after(retry_after(answer.response, date.unwrap_or_else(SystemTime::now)));
    if classify::is_unclear(status, kind) { error.unclear() } else { error }
}

fn transport_error<E>(request: RequestContext<'_>, error: &SdkError<E, HttpResponse>) -> StoreError
where
    E: std::error::Error + 'static,
{
    if let SdkError::ConstructionFailure(_) = error {
        let words = one_line(&error_chain(error));
        return StoreError::new(ErrorKind::Invalid, message(request, words, ""));
    }
    let what = transport::classify(error);
    let store = StoreError::new(what.kind, message(request, one_line(&error_chain(error)), what.advice));
    if what.may_have_arrived { store.unclear() } else { store }
}

/// `failed to read s3://bucket/key at https://...: what happened: what to do`.
pub(super) fn message(request: RequestContext<'_>, what: impl fmt::Display, advice: &str) -> String {
    let RequestContext { operation, address, endpoint, .. } = request;
    let mut line = format!("failed to {} {}", operation.verb(), address.escape_debug());
    if let Some(endpoint) = endpoint {
        line = format!("{line} at {endpoint}");
    }
    line = format!("{line}: {what}");
    if advice.is_empty() { line } else { format!("{line}; {advice}") }
}

/// The service's own message.
struct ServiceMessage<'a> {
    status: u16,
    code: Option<&'a str>,
    message: Option<&'a str>,
}

impl fmt::Display for ServiceMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.message) {
            (Some(code), Some(message)) if !message.is_empty() && message != code => {
                write!(f, "{code}: {}", one_line(message))
            }
            (Some(code), _) => f.write_str(code),
            (None, _) => write!(f, "HTTP status {}", self.status),
        }
    }
}

/// The text without line breaks and control characters, cut to the length of a sentence.
fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line: String = words.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE_CHARS).collect();
    line.truncate(line.trim_end_matches('.').len());
    line
}

/// Delay that the service requests: seconds, or a date, which is relative to the answer's own date.
fn retry_after(response: &HttpResponse, now: SystemTime) -> Option<Duration> {
    let value = response.headers().get("retry-after")?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    Some(http_date(value)?.duration_since(now).unwrap_or_default())
}

fn http_date(value: &str) -> Option<SystemTime> {
    DateTime::from_str(value, DateTimeFormat::HttpDate).ok()?.try_into().ok()
}

/// Region of the bucket, if the answer has it.
fn right_region(answer: &ErrorAnswer<'_>) -> Option<String> {
    if let Some(region) = answer.response.headers().get("x-amz-bucket-region") {
        return Some(region.to_owned());
    }
    let body = String::from_utf8_lossy(answer.response.body().bytes().unwrap_or_default());
    let between = |start: &str, end: &str| {
        let rest = body.split_once(start)?.1;
        let region = rest.split_once(end)?.0;
        let plain =
            !region.is_empty() && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        plain.then(|| region.to_owned())
    };
    between("<Region>", "</Region>")
        .or_else(|| between("expecting '", "'"))
        .or_else(|| between("expecting &apos;", "&"))
}
