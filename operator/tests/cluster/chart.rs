//! The chart, installed by Helm under Pod Security "restricted": pods of its Deployment run this operator,
//! with the arguments, environment, files and rights of the chart.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use verbatim_testing::cluster::{ControlPlane, Exit, FakeNode, Namespace, NodeOptions, PodScript, Running};
use verbatim_testing::helm::{self, helm};
use verbatim_testing::process::{OwnedProcess, runs};

use crate::fixture::{LIMIT, assert_consistent};
use crate::fleet::Fleet;

/// Name of the release, with which its objects' names begin.
const RELEASE: &str = "verbatim";
/// Files of the job; each takes a worker 100 ms.
const FILES: u64 = 300;
const TICKS: u32 = 2;
/// Files of the job that `helm test` runs.
const TESTED: u64 = 4;
/// Interval of polling.
const POLL: Duration = Duration::from_millis(100);

struct Installed {
    // Fields are dropped in this order.
    _node: FakeNode,
    namespace: Namespace,
    fleet: Arc<Fleet>,
    cluster: Arc<ControlPlane>,
    folder: tempfile::TempDir,
}

impl Installed {
    fn begin(fleet: Fleet) -> Self {
        let cluster = Arc::new(ControlPlane::start().unwrap());
        let namespace = cluster.namespace("chart").unwrap();
        for mode in ["enforce", "warn"] {
            let label = format!("pod-security.kubernetes.io/{mode}=restricted");
            cluster.kubectl(&["label", "namespace", namespace.name(), &label]).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let fleet = Arc::new(fleet);
        let script = script(Arc::clone(&fleet), Arc::clone(&cluster), folder.path().to_owned());
        let node = FakeNode::start(&namespace, NodeOptions::default(), script).unwrap();
        Self { _node: node, namespace, fleet, cluster, folder }
    }

    fn helm(&self, arguments: &[&str]) -> String {
        helm(&self.cluster, &[arguments, &["--namespace", self.namespace.name()]].concat()).unwrap()
    }

    /// Installs or upgrades the release, with these values.
    fn release(&self, verb: &str, chart: &Path, sets: &[&str]) -> String {
        let chart = chart.to_str().unwrap();
        let mut arguments = vec![verb, RELEASE, chart, "--wait", "--timeout", "2m"];
        // Workers are scraped often, as in the other tests.
        arguments.extend(["--set", "operator.lookEvery=0.5", "--set", "operator.scrapeTimeout=1"]);
        arguments.extend(sets.iter().flat_map(|set| ["--set", set]));
        self.helm(&arguments)
    }

    fn get(&self, what: &str) -> Option<Value> {
        let text = self.namespace.kubectl(&["get", "--ignore-not-found", what, "-o", "json"]).unwrap();
        serde_json::from_str(&text).ok()
    }

    fn until<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            let state =
                || self.namespace.kubectl(&["get", "tj,pods,replicasets,events", "-o", "wide"]).unwrap();
            assert!(started.elapsed() < LIMIT, "{what} never came\n{}\n{}", state(), self.log());
            std::thread::sleep(POLL);
        }
    }

    /// Waits until the job's status matches.
    fn status(&self, job: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        self.until(what, || {
            let status = self.get(&format!("tj/{job}"))?["status"].clone();
            assert_consistent(&status);
            holds(&status).then_some(status)
        })
    }

    fn apply(&self, job: &str) {
        let job = json!({
            "apiVersion": "verbatim.dev/v1alpha1", "kind": "TranscriptionJob", "metadata": {"name": job},
            "spec": {
                "source": {"s3": {"bucket": "calls"}}, "destination": {"s3": {"bucket": "transcripts"}},
                // All storage settings that change the pod.
                "storage": {"credentialsSecretRef": {"name": "s3"}, "caBundleRef": {"name": "ca", "key": "ca.crt"}},
                "scaling": {"minWorkers": 1, "maxWorkers": 3},
            },
        });
        self.namespace.apply(&job.to_string()).unwrap();
    }

    fn log(&self) -> String {
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        files
            .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
            .map(|path| std::fs::read_to_string(path).unwrap())
            .collect()
    }

    /// Forbidden requests of the operator's service account.
    fn forbidden(&self) -> Vec<String> {
        let user = format!("system:serviceaccount:{}:{RELEASE}-operator", self.namespace.name());
        let all = self.cluster.audit().unwrap().into_iter();
        all.filter(|request| request.user == user && request.code == 403)
            .map(|request| format!("{request:?}"))
            .collect()
    }
}

/// Runs containers by name: the operator as a process, workers by the fleet; test containers succeed.
fn script(fleet: Arc<Fleet>, cluster: Arc<ControlPlane>, folder: PathBuf) -> impl PodScript {
    let workers = Arc::clone(&fleet).script();
    move |pod: Pod, running: Running| {
        let name = pod.spec.as_ref().unwrap().containers[0].name.clone();
        let worker = (name == "worker").then(|| workers.start(&pod, running.clone()));
        let (fleet, cluster, folder) = (Arc::clone(&fleet), Arc::clone(&cluster), folder.clone());
        async move {
            match worker {
                Some(worker) => worker.await,
                None if name == "operator" => operate(&pod, &running, &cluster, &folder).await,
                None => {
                    mounted(&pod, &cluster).await;
                    // As `verbatim status --watch` does.
                    while watches(&pod) && fleet.done() < TESTED {
                        tokio::time::sleep(POLL).await;
                    }
                    Exit::code(0)
                }
            }
        }
    }
}

/// Whether the container follows a job.
fn watches(pod: &Pod) -> bool {
    let arguments = pod.spec.as_ref().unwrap().containers[0].args.iter().flatten();
    arguments.into_iter().any(|argument| argument == "--watch")
}

/// Waits for the pod's ConfigMaps, as a kubelet does before it starts a container.
async fn mounted(pod: &Pod, cluster: &ControlPlane) {
    let namespace = pod.metadata.namespace.clone().unwrap();
    let maps: kube::Api<ConfigMap> = kube::Api::namespaced(cluster.client().await.unwrap(), &namespace);
    let volumes = pod.spec.as_ref().unwrap().volumes.iter().flatten();
    for map in volumes.filter_map(|volume| volume.config_map.as_ref()) {
        while maps.get_opt(&map.name).await.unwrap().is_none() {
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Runs the operator by its pod's spec until the pod is terminated.
async fn operate(pod: &Pod, running: &Running, cluster: &Arc<ControlPlane>, folder: &Path) -> Exit {
    let name = pod.metadata.name.clone().unwrap();
    let namespace = pod.metadata.namespace.clone().unwrap();
    let spec = serde_json::to_value(pod.spec.as_ref().unwrap()).unwrap();
    let container = &spec["containers"][0];
    let account = spec["serviceAccountName"].as_str().unwrap().to_owned();
    let kubeconfig = {
        let (cluster, namespace) = (Arc::clone(cluster), namespace.clone());
        tokio::task::spawn_blocking(move || cluster.token_for(&namespace, &account).unwrap()).await.unwrap()
    };
    // The only volume is a ConfigMap.
    let map = spec["volumes"][0]["configMap"]["name"].as_str().unwrap();
    let client = cluster.client().await.unwrap();
    let map: ConfigMap = kube::Api::namespaced(client, &namespace).get(map).await.unwrap();
    let mounted = folder.join(&name);
    std::fs::create_dir_all(&mounted).unwrap();
    for (file, text) in map.data.unwrap() {
        std::fs::write(mounted.join(file), text).unwrap();
    }
    let mount = container["volumeMounts"][0]["mountPath"].as_str().unwrap();

    let mut command = Command::new(env!("CARGO_BIN_EXE_verbatim-operator"));
    command.env("KUBECONFIG", kubeconfig);
    command.args(container["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap()));
    for variable in container["env"].as_array().unwrap() {
        let value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
            Some("metadata.name") => name.clone(),
            Some("metadata.namespace") => namespace.clone(),
            Some(other) => panic!("the test knows no field {other}"),
            None => variable["value"].as_str().unwrap().to_owned(),
        };
        let value = value.replace("0.0.0.0", &running.address().to_string());
        command.env(variable["name"].as_str().unwrap(), value.replace(mount, mounted.to_str().unwrap()));
    }
    let process = OwnedProcess::start_logged(&command, &folder.join(format!("{name}.log"))).unwrap();
    let probe = &container["readinessProbe"]["httpGet"];
    let port = container["ports"][0]["containerPort"].as_u64().unwrap();
    assert_eq!(probe["port"], container["ports"][0]["name"]);
    let address = format!("{}:{port}", running.address());
    let path = probe["path"].as_str().unwrap().to_owned();
    let ended = async {
        while process.runs() {
            running.set_ready(answers(&address, &path).await);
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::select! {
        () = ended => return Exit::code(1),
        () = running.terminated() => {}
    }
    kill(Pid::from_raw(process.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    while runs(process.id()) {
        tokio::time::sleep(POLL).await;
    }
    Exit::code(0)
}

/// Whether a probe answers with 200.
async fn answers(address: &str, path: &str) -> bool {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: operator\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer.starts_with("HTTP/1.1 200"))
    };
    ask.await.unwrap_or_default()
}

/// An older version of the chart, with an older API.
fn older_chart(folder: &Path) -> PathBuf {
    let chart = helm::older_chart(folder).unwrap();
    let crd = chart.join("files/crds/transcriptionjobs.verbatim.dev.yaml");
    let mut text = std::fs::read_to_string(&crd).unwrap();
    for (from, to) in [
        ("    shortNames:\n    - tj\n", "    shortNames:\n    - tj\n    - oldname\n"),
        (
            "    - jsonPath: .status.restarts\n      name: Restarts\n",
            "    - jsonPath: .status.restarts\n      name: Before\n",
        ),
    ] {
        assert!(text.contains(from), "the CRD has no {from:?}");
        text = text.replace(from, to);
    }
    std::fs::write(crd, text).unwrap();
    chart
}

#[test]
fn install_upgrade_with_a_running_job_and_uninstall() {
    let installed = Installed::begin(Fleet::new(FILES, TICKS));
    let older = older_chart(installed.folder.path());
    installed.release(
        "install",
        &older,
        &["worker.resources.requests.memory=700Mi", "image.pullPolicy=Never"],
    );
    let crd = || installed.get("crd/transcriptionjobs.verbatim.dev").unwrap();
    assert!(crd()["spec"]["names"]["shortNames"].to_string().contains("oldname"));
    // Both replicas are ready under "restricted".
    let deployment = installed.get("deployment/verbatim-operator").unwrap();
    assert_eq!(deployment["status"]["readyReplicas"], 2);

    // A job's pods start too, with the chart's defaults.
    installed.apply("calls");
    installed.status("calls", "three workers", |status| status["workers"]["ready"] == 3);
    let pods =
        installed.namespace.kubectl(&["get", "pods", "-l", "verbatim.dev/job=calls", "-o", "json"]).unwrap();
    let pods: Value = serde_json::from_str(&pods).unwrap();
    let worker = &pods["items"][0]["spec"]["containers"][0];
    assert_eq!(worker["resources"]["requests"]["memory"], "700Mi");
    assert_eq!(
        (&worker["imagePullPolicy"], &worker["image"]),
        (&json!("Never"), &json!("verbatim-worker:0.1.0"))
    );
    assert_eq!(pods["items"][0]["spec"]["automountServiceAccountToken"], false);
    let started = installed.fleet.started();

    // The upgrade replaces operator and CRD and leaves the work alone. Workers pause, so that its duration
    // does not matter.
    installed.fleet.pause(true);
    assert!(installed.fleet.done() < FILES);
    installed.release("upgrade", &helm::chart(), &[]);
    installed.fleet.pause(false);
    assert!(!crd()["spec"]["names"]["shortNames"].to_string().contains("oldname"));
    assert!(crd().to_string().contains("Restarts") && !crd().to_string().contains("\"Before\""));
    let status = installed.status("calls", "the end", |status| status["phase"] == "Complete");
    assert_eq!(
        status["files"],
        json!({"total": FILES, "succeeded": FILES, "failed": 0, "skipped": 0, "remaining": 0})
    );
    assert_eq!((&status["round"], &status["restarts"]), (&json!(0), &json!(0)), "{status:#}");
    assert_eq!(installed.fleet.started(), started, "the upgrade started other workers");
    assert_eq!(installed.forbidden(), Vec::<String>::new());

    // Notes and user roles.
    let notes = installed.helm(&["get", "notes", RELEASE]);
    assert!(notes.contains("kubectl apply -f -") && notes.contains("all namespaces"), "{notes}");
    let granted = |verb: &str, role: &str| {
        let user = format!("--as=system:serviceaccount:{}:{role}", installed.namespace.name());
        installed.namespace.kubectl(&["auth", "can-i", verb, "transcriptionjobs.verbatim.dev", &user]).is_ok()
    };
    for role in ["view", "edit"] {
        let role_flag = format!("--clusterrole={role}");
        let account = format!("--serviceaccount={}:{role}", installed.namespace.name());
        installed.namespace.kubectl(&["create", "rolebinding", role, &role_flag, &account]).unwrap();
    }
    installed.until("the aggregated roles", || {
        (granted("list", "view") && granted("create", "edit")).then_some(())
    });
    assert!(!granted("create", "view") && !granted("list", "nobody"));

    // Uninstalling leaves the CRD and the jobs, which the next release takes over.
    let uid = installed.get("tj/calls").unwrap()["metadata"]["uid"].clone();
    let output = installed.helm(&["uninstall", RELEASE, "--wait", "--timeout", "2m"]);
    assert!(output.contains("[CustomResourceDefinition] transcriptionjobs.verbatim.dev"), "{output}");
    assert_eq!(installed.get("deployment/verbatim-operator"), None);
    assert_eq!(installed.get("tj/calls").unwrap()["metadata"]["uid"], uid);
    let taken = |release: &str, more: &[&str]| {
        let chart = helm::chart();
        let arguments =
            ["install", release, chart.to_str().unwrap(), "--namespace", installed.namespace.name()];
        helm(&installed.cluster, &[&arguments, more].concat())
    };
    let other = taken("other", &[]).unwrap_err().to_string();
    assert!(other.contains("invalid ownership metadata"), "{other}");
    installed.release("install", &helm::chart(), &[]);
    assert_eq!(installed.get("tj/calls").unwrap()["metadata"]["uid"], uid);
    installed.helm(&["uninstall", RELEASE, "--wait", "--timeout", "2m"]);
    taken("other", &["--take-ownership"]).unwrap();
    assert_eq!(installed.get("tj/calls").unwrap()["metadata"]["uid"], uid);
}

#[test]
fn network_policies_match_the_contract() {
    use verbatim_crds::contract::{http, labels};
    let all = helm::template(&[
        "--set",
        "networkPolicy.enabled=true",
        "--show-only",
        "templates/networkpolicy-workers.yaml",
    ]);
    let policy: Value = serde_saphyr::from_str(&all.unwrap()).unwrap();
    let selector = json!({"matchExpressions": [{"key": labels::JOB, "operator": "Exists"}]});
    assert_eq!(policy["spec"]["podSelector"], selector);
    for rule in policy["spec"]["ingress"].as_array().unwrap() {
        assert_eq!(rule["ports"], json!([{"port": http::PORT, "protocol": "TCP"}]));
    }
}

/// `helm test` with a job: Helm creates the job, and the pod that follows it starts with the operator's
/// configuration.
#[test]
fn helm_test_runs_a_job_to_its_end() {
    let installed = Installed::begin(Fleet::new(TESTED, 1));
    installed.release(
        "install",
        &helm::chart(),
        &[
            "tests.job.source.s3.bucket=calls",
            "tests.job.source.keys={hello.wav}",
            "tests.job.destination.s3.bucket=transcripts",
            "networkPolicy.enabled=true",
        ],
    );
    let output = installed.helm(&["test", RELEASE, "--timeout", "2m"]);
    assert_eq!(output.matches("Succeeded").count(), 3, "{output}");
    // The following pod cannot start without the operator's configuration, nor end before the job.
    assert_eq!(installed.fleet.done(), TESTED);
    assert_eq!(installed.forbidden(), Vec::<String>::new());
}
