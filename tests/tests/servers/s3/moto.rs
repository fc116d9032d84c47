//! The same tests against another S3 server, moto, which holds keys that a file system cannot. They need
//! `moto_server` (`pip install 'moto[server]'`).

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use verbatim_store::s3::ServerSideEncryption;
use verbatim_store::{ErrorKind, ObjectStore, S3Config, S3Store};
use verbatim_testing::process::{OwnedProcess, free_port};

use super::server::{BUCKET, connect, keys, text};
use super::{bodies, conditions, keys as hostile};

/// Keys that only a store without folders can hold.
const MORE: [&str; 7] = ["/leading", "//two", "a//b", "a/", "a/b", "dot/../dot", "./here"];

struct Moto {
    _process: OwnedProcess,
    port: u16,
}

/// Starts moto. Reports it and returns none if the program is missing.
async fn start() -> Option<(Moto, Arc<S3Store>)> {
    let port = free_port().unwrap();
    let process = match OwnedProcess::start(Command::new("moto_server").args([
        "-H",
        "127.0.0.1",
        "-p",
        &port.to_string(),
    ])) {
        Ok(process) => process,
        Err(error) => {
            report(&error.to_string());
            return None;
        }
    };
    let begun = Instant::now();
    while TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), Duration::from_secs(1))
        .is_err()
    {
        if !process.runs() {
            report("moto_server exits at once");
            return None;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "moto_server does not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let moto = Moto { _process: process, port };
    make_bucket(port).await;
    let store = connect(config(&moto)).await;
    Some((moto, store))
}

fn report(reason: &str) {
    // Not with `eprintln!`, which the test runner captures.
    let _ = writeln!(std::io::stderr(), "NOT CHECKED: the S3 store against moto: {reason}");
}

/// Creates a bucket. Moto requires no signature.
async fn make_bucket(port: u16) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut connection = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!(
        "PUT /{BUCKET} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\nConnection: close\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(" 200 "), "{answer}");
}

fn config(moto: &Moto) -> S3Config {
    S3Config {
        bucket: BUCKET.into(),
        endpoint: Some(format!("http://127.0.0.1:{}", moto.port)),
        region: Some("us-east-1".into()),
        force_path_style: true,
        credentials: keys("a", "b"),
        ..S3Config::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_works_with_moto() {
    let Some((moto, store)) = start().await else { return };
    let all: Vec<_> = hostile::HOSTILE.into_iter().chain(MORE).collect();
    hostile::round_trip(&*store, &all).await;
    conditions::conditions_hold(Arc::clone(&store) as Arc<dyn ObjectStore>).await;
    bodies::reads(store).await;

    let other = connect(S3Config { bucket: "missing".into(), ..config(&moto) }).await;
    assert_eq!(other.list("", None, 1).await.unwrap_err().kind, ErrorKind::NoBucket);

    let kms = ServerSideEncryption::Kms { key_id: Some("key".into()) };
    for encryption in [ServerSideEncryption::Aes256, kms] {
        let config = S3Config { server_side_encryption: Some(encryption), ..config(&moto) };
        let encrypted = connect(S3Config { request_payer: true, ..config }).await;
        encrypted.put("a", text("a")).await.unwrap();
        encrypted.head("a").await.unwrap();
    }
}
