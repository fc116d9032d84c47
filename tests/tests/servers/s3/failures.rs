//! Failures on the way to a bucket: each is reported soon, with its kind, in one line that names the place
//! and the field.

use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use verbatim_store::s3::Credentials;
use verbatim_store::{ErrorKind, ObjectStore, Read, S3Config, S3Store, StoreError};
use verbatim_testing::VersityGw;
use verbatim_testing::process::free_port;
use verbatim_testing::versitygw::Certificate;

use super::server::{BUCKET, config, connect, keys, read, start, store, text};

/// Checks that every operation of a store fails with this kind, and that its message contains these words.
async fn fails(config: S3Config, kind: ErrorKind, words: &[&str]) {
    let store = connect(config).await;
    let begun = Instant::now();
    let mut errors: Vec<StoreError> = vec![
        store.list("", None, 1).await.unwrap_err(),
        store.get("a.wav", Read::default()).await.unwrap_err(),
        store.put("a.wav", text("a")).await.unwrap_err(),
        store.delete("a.wav").await.unwrap_err(),
    ];
    let head = store.head("a.wav").await.unwrap_err();
    // versitygw answers 404 to unknown keys, which for HEAD alone looks like a missing object.
    if !(kind == ErrorKind::Credentials && head.is_not_found()) {
        errors.push(head);
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    for error in errors {
        assert_eq!(error.kind, kind, "{error}");
        assert!(!error.is_unclear(), "{error}");
        let line = error.to_string();
        assert!(!line.contains(['\n', '\r']) && line.len() < 600, "{line}");
        for word in words.iter().chain(&[format!("s3://{BUCKET}/").as_str()]) {
            assert!(line.contains(word), "{word:?} is not in {line:?}");
        }
    }
}

#[tokio::test]
async fn credentials_are_wrong() {
    let server = start();
    let endpoint = server.endpoint();
    let words = ["storage.credentialsSecretRef", endpoint.as_str()];
    let secret = keys(VersityGw::ACCESS_KEY, "wrong");
    fails(S3Config { credentials: secret, ..config(&server) }, ErrorKind::Credentials, &words).await;
    let unknown = keys("nobody", VersityGw::SECRET_KEY);
    fails(S3Config { credentials: unknown, ..config(&server) }, ErrorKind::Credentials, &words).await;
}

#[tokio::test]
async fn anonymous_access_is_denied() {
    let server = start();
    let config = S3Config { credentials: Credentials::Anonymous, ..config(&server) };
    fails(config, ErrorKind::AccessDenied, &["check the permissions of the credentials"]).await;
}

#[tokio::test]
async fn a_bucket_or_an_object_is_not_there() {
    let server = VersityGw::start().unwrap();
    let store = connect(config(&server)).await;
    for error in [
        store.list("", None, 1).await.unwrap_err(),
        store.get("a", Read::default()).await.unwrap_err(),
        store.put("a", text("a")).await.unwrap_err(),
    ] {
        assert_eq!(error.kind, ErrorKind::NoBucket, "{error}");
        assert!(error.message.contains("source.s3.bucket") && error.message.contains(BUCKET), "{error}");
    }
    server.create_bucket(BUCKET).unwrap();
    for error in [store.get("a b", Read::default()).await.unwrap_err(), store.head("a b").await.unwrap_err()]
    {
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert!(error.message.contains("s3://recordings/a b"), "{error}");
    }
}

#[tokio::test]
async fn the_region_is_another() {
    let server = start();
    let config = S3Config { region: Some("eu-north-9".into()), ..config(&server) };
    fails(config, ErrorKind::WrongRegion, &["storage.region", "eu-north-9"]).await;
}

#[tokio::test]
async fn nobody_listens() {
    let server = start();
    let endpoint = format!("http://127.0.0.1:{}", free_port().unwrap());
    let words = ["storage.endpoint", endpoint.as_str(), "refused"];
    fails(
        S3Config { endpoint: Some(endpoint.clone()), ..config(&server) },
        ErrorKind::InvalidEndpoint,
        &words,
    )
    .await;
}

#[tokio::test]
async fn a_name_does_not_resolve() {
    let server = start();
    let config = S3Config { endpoint: Some("http://nowhere.invalid".into()), ..config(&server) };
    fails(config, ErrorKind::InvalidEndpoint, &["storage.endpoint", "nowhere.invalid"]).await;
}

#[tokio::test]
async fn an_address_makes_no_sense() {
    for endpoint in ["s3.example.net", "ftp://a", "https://"] {
        let config = S3Config { endpoint: Some(endpoint.into()), ..S3Config::default() };
        let error = S3Store::connect(config).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidEndpoint);
        assert!(error.message.contains("storage.endpoint"), "{error}");
    }
}

#[tokio::test]
async fn a_certificate_is_not_trusted_until_it_is_named() {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("ca.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, cert.pem()).unwrap();
    std::fs::write(&key, signing_key.serialize_pem()).unwrap();
    let server = VersityGw::start_tls(Certificate { certificate: &certificate, key: &key }).unwrap();
    server.create_bucket(BUCKET).unwrap();

    fails(config(&server), ErrorKind::Tls, &["storage.caBundleRef", "certificate"]).await;
    let trusted = connect(S3Config { ca_bundle: Some(certificate), ..config(&server) }).await;
    trusted.put("a", text("a")).await.unwrap();
    assert_eq!(read(&*trusted, "a").await, "a");

    // The reverse: TLS to a server that does not speak it.
    let plain = start();
    let endpoint = Some(plain.endpoint().replace("http://", "https://"));
    fails(S3Config { endpoint, ..config(&plain) }, ErrorKind::Tls, &["storage.endpoint"]).await;
}

/// Starts a server that answers each connection with these bytes and closes it. It ends with the test's
/// runtime.
async fn answers(bytes: impl Into<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (endpoint, bytes) = (format!("http://{}", listener.local_addr().unwrap()), bytes.into());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0; 8 << 10];
            let mut read = 0;
            while !request[..read].windows(4).any(|end| end == b"\r\n\r\n") {
                match connection.read(&mut request[read..]).await {
                    Ok(some) if some > 0 => read += some,
                    _ => break,
                }
            }
            let _ = connection.write_all(&bytes).await;
            let _ = connection.shutdown().await;
        }
    });
    endpoint
}

async fn against(answer: &str) -> (S3Config, std::sync::Arc<S3Store>) {
    let config = S3Config {
        bucket: BUCKET.into(),
        endpoint: Some(answers(answer).await),
        region: Some("us-east-1".into()),
        force_path_style: true,
        credentials: keys("a", "b"),
        ..S3Config::default()
    };
    (config.clone(), connect(config).await)
}

fn xml(status: &str, headers: &str, code: &str, rest: &str) -> String {
    let body = format!("<Error><Code>{code}</Code><Message>said so.</Message>{rest}</Error>");
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn refusals_are_sorted() {
    use ErrorKind as K;
    let date = "date: Tue, 24 Nov 2026 10:00:00 GMT\r\nretry-after: Tue, 24 Nov 2026 10:00:09 GMT\r\n";
    let region = "x-amz-bucket-region: eu-west-1\r\n";
    let plain =
        |status: &str| format!("HTTP/1.1 {status}\r\ncontent-length: 4\r\nconnection: close\r\n\r\noops");
    // Response, kind, whether the result of a write is unclear, retry delay in seconds, words.
    let cases: Vec<(String, K, bool, Option<u64>, &str)> = vec![
        (
            xml("503 Slow Down", "retry-after: 7\r\n", "SlowDown", ""),
            K::Throttled,
            false,
            Some(7),
            "SlowDown: said so",
        ),
        (xml("503 No", date, "ServiceUnavailable", ""), K::Unavailable, true, Some(9), "ServiceUnavailable"),
        (plain("429 Too Many Requests"), K::Throttled, false, None, "429"),
        (xml("500 Oops", "", "InternalError", ""), K::Unavailable, true, None, "InternalError"),
        (plain("502 Bad Gateway"), K::Unavailable, true, None, "502"),
        (xml("409 No", "", "ConditionalRequestConflict", ""), K::Conflict, false, None, "Conflict"),
        (
            xml("412 No", "", "PreconditionFailed", ""),
            K::PreconditionFailed,
            false,
            None,
            "PreconditionFailed",
        ),
        (
            xml("301 Moved", region, "PermanentRedirect", ""),
            K::WrongRegion,
            false,
            None,
            "the region is eu-west-1",
        ),
        (
            xml("400 No", "", "AuthorizationHeaderMalformed", "<Region>ap-south-1</Region>"),
            K::WrongRegion,
            false,
            None,
            "the region is ap-south-1, not us-east-1: check storage.region",
        ),
        (xml("400 No", "", "ExpiredToken", ""), K::Credentials, false, None, "ExpiredToken"),
        (xml("501 No", "", "NotImplemented", ""), K::Unsupported, false, None, "NotImplemented"),
        (xml("507 No", "", "InsufficientStorage", ""), K::NoSpace, false, None, "InsufficientStorage"),
        (xml("400 No", "", "EntityTooLarge", ""), K::Invalid, false, None, "EntityTooLarge"),
        ("HTTP/1.1 200".into(), K::Unavailable, true, None, "failed to write"),
        (String::new(), K::Unavailable, true, None, "failed to write"),
    ];
    for (answer, kind, unclear, wait, words) in cases {
        let (_, store) = against(&answer).await;
        let error = store.put("a", text("a")).await.unwrap_err();
        assert_eq!(error.kind, kind, "{answer:?}: {error}");
        assert_eq!(error.is_unclear(), unclear, "{answer:?}: {error}");
        assert_eq!(error.retry_after, wait.map(Duration::from_secs), "{answer:?}");
        assert!(error.message.contains(words), "{words:?} is not in {error}");
    }
}

#[tokio::test]
async fn an_object_that_is_gone_when_it_is_replaced_is_a_condition_that_does_not_hold() {
    let (_, store) = against(&xml("404 Not Found", "", "NoSuchKey", "")).await;
    let condition = verbatim_store::Condition::Matches(verbatim_store::ETag::new("\"a\""));
    let error = store.put("a", text("a").when(condition)).await.unwrap_err();
    assert!(error.is_precondition_failed() && !error.is_unclear(), "{error}");
}

#[tokio::test]
async fn a_body_that_ends_early_is_an_error() {
    let head = "HTTP/1.1 200 OK\r\netag: \"a\"\r\ncontent-length: 100\r\nconnection: close\r\n\r\n";
    let (_, store) = against(&format!("{head}0123456789")).await;
    let error = store.get("a", Read::default()).await.unwrap().bytes().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("s3://recordings/a"), "{error}");
}

#[tokio::test]
async fn a_range_that_is_not_kept_to_is_an_error() {
    let head = "HTTP/1.1 200 OK\r\netag: \"a\"\r\ncontent-length: 10\r\nconnection: close\r\n\r\n";
    let (_, store) = against(&format!("{head}0123456789")).await;
    let some = Read { range: Some(2..5), ..Read::default() };
    assert_eq!(store.get("a", some).await.unwrap_err().kind, ErrorKind::Unsupported);
}

#[tokio::test]
async fn another_kind_of_server_is_told() {
    let (_, store) = against("HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n<html>hello</").await;
    let error = store.list("", None, 1).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("storage.endpoint"), "{error}");
}

#[tokio::test]
async fn a_server_that_goes_away_is_one_that_cannot_be_reached() {
    let server = start();
    let store = store(&server).await;
    store.put("a", text("a")).await.unwrap();
    drop(server);
    assert!(matches!(
        store.head("a").await.unwrap_err().kind,
        ErrorKind::InvalidEndpoint | ErrorKind::Unavailable
    ));
}
