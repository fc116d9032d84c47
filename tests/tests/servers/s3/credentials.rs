//! Sources of credentials. Environments differ, so each case runs in its own process: this test, with a role.

use std::process::Command;
use std::time::{Duration, Instant};

use verbatim_store::s3::Credentials;
use verbatim_store::{ErrorKind, ObjectStore, S3Config};
use verbatim_testing::VersityGw;

use super::server::{BUCKET, config, connect, start};

const ROLE: &str = "VERBATIM_TESTS_CREDENTIALS";
const NAME: &str = "s3::credentials::come_from_the_chain";

/// Runs this test in an environment with only these variables, as `role`.
fn child(role: &str, server: &VersityGw, variables: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env_clear()
        .env("HOME", folder.path())
        .env("AWS_ENDPOINT_URL_S3", server.endpoint())
        .env(ROLE, role)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{role}: {said}");
}

#[tokio::test]
async fn come_from_the_chain() {
    if let Ok(role) = std::env::var(ROLE) {
        return run(&role).await;
    }
    let server = start();
    let (access, secret) = (VersityGw::ACCESS_KEY, VersityGw::SECRET_KEY);
    child("found", &server, &[("AWS_ACCESS_KEY_ID", access), ("AWS_SECRET_ACCESS_KEY", secret)]);

    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("credentials");
    let text = format!("[work]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n");
    std::fs::write(&profile, text).unwrap();
    let profile = profile.to_str().unwrap();
    child("found", &server, &[("AWS_PROFILE", "work"), ("AWS_SHARED_CREDENTIALS_FILE", profile)]);

    child("none", &server, &[]);
    child("none", &server, &[("AWS_EC2_METADATA_DISABLED", "true")]);
    // Nothing answers there, as on a machine outside of AWS.
    child("none", &server, &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")]);
}

async fn run(role: &str) {
    let begun = Instant::now();
    let config = S3Config { bucket: BUCKET.into(), force_path_style: true, ..S3Config::default() };
    let store = connect(config).await;
    let answer = store.list("", None, 1).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    match role {
        "found" => assert!(answer.unwrap().objects.is_empty()),
        _ => {
            let error = answer.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Credentials, "{error}");
            assert!(error.message.contains("storage.credentialsSecretRef"), "{error}");
            assert!(!error.message.contains('\n'));
        }
    }
}

#[tokio::test]
async fn what_the_configuration_says_comes_first() {
    let server = start();
    let store = connect(config(&server)).await;
    assert!(matches!(config(&server).credentials, Credentials::Keys { .. }));
    store.list("", None, 1).await.unwrap();
}
