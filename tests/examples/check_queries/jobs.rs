//! The jobs: some that complete, one with damaged recordings, some that cannot start, and soaks with injected
//! faults.

use std::error::Error;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use verbatim_store::s3::Credentials;
use verbatim_store::{ObjectStore, Put, S3Config, S3Store};
use verbatim_testing::cluster::Namespace;
use verbatim_testing::versitygw::VersityGw;

type Done = Result<(), Box<dyn Error>>;

/// Function that fills a namespace.
type Fill = fn(&Namespace, &VersityGw) -> Done;

/// Prefixes of the namespaces' names, with the functions that fill them.
pub(crate) const NAMESPACES: [(&str, Fill); 3] = [("calls", calls), ("archive", archive), ("lab", lab)];

/// Copies of each recording: work for a quarter of an hour on two busy cores.
const COPIES: usize = 40;

/// Uploads recordings to the bucket `calls`: good ones below `in/`; below `old/` every twentieth is damaged.
pub(crate) fn upload(server: &VersityGw, recordings: &Path) -> Done {
    for bucket in ["calls", "transcripts"] {
        server.create_bucket(bucket)?;
    }
    let config = S3Config {
        bucket: "calls".to_owned(),
        endpoint: Some(server.endpoint()),
        region: Some(VersityGw::REGION.to_owned()),
        force_path_style: true,
        credentials: Credentials::Keys {
            access_key: VersityGw::ACCESS_KEY.to_owned(),
            secret_key: VersityGw::SECRET_KEY.to_owned(),
            session_token: None,
        },
        ..S3Config::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = S3Store::connect(config).await?;
        let mut number = 0;
        for entry in fs::read_dir(recordings)? {
            let bytes = fs::read(entry?.path())?;
            for copy in 0..COPIES {
                number += 1;
                let broken = number % 20 == 0;
                let old = if broken { b"this is no recording".to_vec() } else { bytes.clone() };
                for (folder, bytes) in [("in", bytes.clone()), ("old", old)] {
                    let key = format!("{folder}/{copy:02}/{number:06}.wav");
                    store.put(&key, Put::new(bytes, "audio/wav")).await?;
                }
            }
        }
        Ok(())
    })
}

/// Starts the operator in its own pod.
pub(crate) fn operator(namespace: &Namespace) -> Done {
    let pod = pod(
        "verbatim-operator-0",
        json!({"app.kubernetes.io/name": "verbatim", "app.kubernetes.io/component": "operator"}),
        json!({
            "command": ["verbatim-operator"],
            "args": ["--http", "$(POD_IP):8080", "--lease-namespace", namespace.name(), "--worker-image", "verbatim:here"],
            "ports": [{"name": "http", "containerPort": 8080}],
        }),
    );
    namespace.apply(&pod.to_string())?;
    Ok(())
}

fn calls(namespace: &Namespace, server: &VersityGw) -> Done {
    job(
        namespace,
        server,
        "calls-2026-11",
        json!({
            "scaling": {"minWorkers": 1, "maxWorkers": 3, "targetCompletionSeconds": 900},
            "activeDeadlineSeconds": 1800,
            "recycle": {"maxFiles": 400},
            "template": limit("640Mi"),
        }),
    )?;
    job(namespace, server, "calls-2026-10", json!({"suspend": true}))?;
    job(
        namespace,
        server,
        "greetings",
        json!({
            "source": {"s3": {"bucket": "calls", "prefix": "in/00/", "include": ["*1.wav"]}},
            "template": limit("640Mi"),
        }),
    )
}

fn archive(namespace: &Namespace, server: &VersityGw) -> Done {
    job(
        namespace,
        server,
        "archive-2019",
        json!({
            "source": {"s3": {"bucket": "calls", "prefix": "old/"}},
            "failurePolicy": {"maxFailedFiles": "50%"},
            "scaling": {"minWorkers": 1, "maxWorkers": 2},
            "template": limit("640Mi"),
        }),
    )?;
    job(
        namespace,
        server,
        "huge",
        json!({
            "template": {"spec": {"containers": [{"name": "worker", "resources": {"requests": {"cpu": "5000"}}}]}},
        }),
    )?;
    job(
        namespace,
        server,
        "nowhere",
        json!({
            "source": {"s3": {"bucket": "calls", "prefix": "empty/"}},
            "destination": {"s3": {"bucket": "not-there"}},
            "template": limit("640Mi"),
        }),
    )
}

/// Soaks: an engine with flat memory, two that leak, and one with faults.
fn lab(namespace: &Namespace, _: &VersityGw) -> Done {
    for (name, more) in [
        ("steady", &[][..]),
        ("leaky", &["--inject", "leak=6MB/file", "--memory-soft-limit", "420Mi"][..]),
        ("growing", &["--inject", "leak=500kB/file"][..]),
        (
            "unlucky",
            &[
                "--inject",
                "crash@30",
                "--inject",
                "hang@60",
                "--inject",
                "malformed@90",
                "--inject",
                "kill@120",
            ][..],
        ),
    ] {
        let mut arguments =
            vec!["soak", "/speech", "-o", "/spool/report", "--hours", "2", "--concurrency", "1"];
        arguments.extend(["--threads", "1", "--http", "$(POD_IP):9090", "--quiet"]);
        arguments.extend(more);
        let mut container = json!({
            "args": arguments,
            "ports": [{"name": "http", "containerPort": 9090}],
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
        });
        container["resources"] = json!({"limits": {"memory": "640Mi"}});
        namespace.apply(&pod(name, json!({"verbatim.dev/job": "soak"}), container).to_string())?;
    }
    Ok(())
}

fn limit(memory: &str) -> Value {
    json!({"spec": {"containers": [{"name": "worker", "resources": {"requests": {"memory": memory}, "limits": {"memory": memory}}}]}})
}

fn job(namespace: &Namespace, server: &VersityGw, name: &str, more: Value) -> Done {
    let mut spec = json!({
        "source": {"s3": {"bucket": "calls", "prefix": "in/"}},
        "destination": {"s3": {"bucket": "transcripts", "prefix": format!("{name}/")}, "formats": ["JSON", "TXT"]},
        "storage": {"endpoint": server.endpoint(), "region": VersityGw::REGION, "forcePathStyle": true},
        "scaling": {"minWorkers": 1, "maxWorkers": 1},
    });
    if let (Some(spec), Value::Object(more)) = (spec.as_object_mut(), more) {
        spec.extend(more);
    }
    let job = json!({
        "apiVersion": "verbatim.dev/v1alpha1", "kind": "TranscriptionJob", "metadata": {"name": name}, "spec": spec,
    });
    namespace.apply(&job.to_string())?;
    Ok(())
}

fn pod(name: &str, labels: Value, mut container: Value) -> Value {
    container["name"] = "worker".into();
    container["image"] = "verbatim:here".into();
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [container], "restartPolicy": "Never", "terminationGracePeriodSeconds": 30},
    })
}
