//! The tests' control plane is real, and meets the assumptions of the design.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use verbatim_testing::cluster::{self, ControlPlane, Exit, FakeNode, Namespace, NodeOptions, Running};

#[test]
fn it_is_of_the_pinned_version_and_knows_who_asks() {
    let cluster = cluster::shared();
    let version: Value = serde_json::from_str(&cluster.kubectl(&["version", "-o", "json"]).unwrap()).unwrap();
    assert_eq!(version["serverVersion"]["gitVersion"], cluster::version());
    assert_eq!(version["clientVersion"]["gitVersion"], cluster::version());
    for (program, id) in cluster.processes() {
        println!("{program}: {} MiB", resident(id) >> 20);
    }

    let namespace = cluster.namespace("accounts").unwrap();
    let account = namespace.token_for("default").unwrap();
    let account = account.to_str().unwrap();
    let refused = namespace.kubectl(&["--kubeconfig", account, "get", "pods"]).unwrap_err().to_string();
    assert!(refused.contains("Forbidden"), "{refused}");

    let user = format!("system:serviceaccount:{}:default", namespace.name());
    let request = until("the refusal in the audit log", || {
        cluster
            .audit()
            .unwrap()
            .into_iter()
            .find(|request| request.user == user && request.resource == "pods")
    });
    assert_eq!((request.code, request.verb.as_str(), request.complete), (403, "list", true));
    assert!(request.uri.starts_with(&format!("/api/v1/namespaces/{}/pods", namespace.name())), "{request:?}");
    assert!(request.agent.starts_with("kubectl/"), "{request:?}");
    let users: Vec<_> = cluster.audit().unwrap().into_iter().map(|request| request.user).collect();
    assert!(users.iter().any(|user| user == "admin"), "{users:?}");
}

#[test]
fn an_indexed_job_completes_and_its_message_is_read() {
    let namespace = cluster::shared().namespace("complete").unwrap();
    let _node =
        FakeNode::start(&namespace, NodeOptions::default(), |pod: Pod, running: Running| async move {
            Exit::code(0).message(format!("{} on {}", index(&pod), running.address()))
        })
        .unwrap();
    start_job(&namespace, 2);

    until("the end of the Job", || condition(&namespace, "job/worker", "Complete"));
    let pods = pods(&namespace);
    assert_eq!(pods.len(), 2);
    for (at, pod) in pods.iter().enumerate() {
        let terminated = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
        assert_eq!(terminated["exitCode"], 0);
        let address = pod["status"]["podIP"].as_str().unwrap();
        assert_eq!(terminated["message"], format!("{at} on {address}"));
        assert!(address.starts_with("127."));
    }
    let status = &get(&namespace, "job/worker")["status"];
    assert_eq!((&status["succeeded"], &status["completedIndexes"]), (&json!(2), &json!("0,1")));
}

#[test]
fn a_running_job_grows_and_shrinks_at_its_highest_index() {
    let namespace = cluster::shared().namespace("elastic").unwrap();
    let _node = FakeNode::start(&namespace, NodeOptions::default(), until_terminated).unwrap();
    start_job(&namespace, 2);
    until("two ready workers", || ready(&namespace, &["0", "1"]));

    scale(&namespace, 3);
    until("a third", || ready(&namespace, &["0", "1", "2"]));
    scale(&namespace, 1);
    until("only the first", || ready(&namespace, &["0"]));
    let status = &get(&namespace, "job/worker")["status"];
    assert_eq!(status["failedIndexes"], "", "{status}");
}

#[test]
fn exit_78_fails_the_job_and_exit_75_is_not_counted() {
    let cluster = cluster::shared();
    let namespace = cluster.namespace("failures").unwrap();
    // The first pod of the Job gives up its place; the one after it cannot continue.
    let first = std::sync::atomic::AtomicBool::new(true);
    let _node = FakeNode::start(&namespace, NodeOptions::default(), move |_: Pod, _: Running| {
        let first = first.swap(false, std::sync::atomic::Ordering::Relaxed);
        async move { if first { Exit::code(75) } else { Exit::code(78).message("no such model") } }
    })
    .unwrap();
    start_job(&namespace, 1);

    until("the end of the first pod", || {
        pods(&namespace).iter().any(|pod| exit_code(pod) == 75).then_some(())
    });
    until("a pod in its place", || (pods(&namespace).len() == 2).then_some(()));
    let reason = until("the end of the Job", || condition(&namespace, "job/worker", "Failed"));
    assert_eq!(reason, "PodFailurePolicy");
    let job = get(&namespace, "job/worker");
    // Only the second one counts: the first was ignored.
    assert_eq!(job["status"]["failed"], 1, "{job}");
}

#[test]
fn a_deleted_pod_gets_its_grace_period_and_then_is_killed() {
    let namespace = cluster::shared().namespace("grace").unwrap();
    let (told, tells) = std::sync::mpsc::channel();
    let _node = FakeNode::start(&namespace, NodeOptions::default(), move |_: Pod, running: Running| {
        let told = told.clone();
        async move {
            running.terminated().await;
            told.send(()).unwrap();
            std::future::pending().await
        }
    })
    .unwrap();
    start_job(&namespace, 1);
    until("a ready worker", || ready(&namespace, &["0"]));
    let name = pods(&namespace)[0]["metadata"]["name"].as_str().unwrap().to_owned();
    // The finalizer of this test lets it see how the pod ended.
    let watched = r#"[{"op":"add","path":"/metadata/finalizers/-","value":"verbatim.test/watched"}]"#;
    namespace.kubectl(&["patch", "pod", &name, "--type=json", "--patch", watched]).unwrap();
    let begun = Instant::now();
    namespace.kubectl(&["delete", "pod", &name, "--grace-period=1", "--wait=false"]).unwrap();
    tells.recv_timeout(LIMIT).unwrap();
    let pod = until("its end", || {
        let pod = get(&namespace, &format!("pod/{name}"));
        (exit_code(&pod) >= 0).then_some(pod)
    });
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!((exit_code(&pod), &pod["status"]["phase"]), (137, &json!("Failed")));
    let released = r#"{"metadata":{"finalizers":null}}"#;
    namespace.kubectl(&["patch", "pod", &name, "--type=merge", "--patch", released]).unwrap();
    until("nothing of it", || {
        (!pods(&namespace).iter().any(|pod| pod["metadata"]["name"] == name.as_str())).then_some(())
    });
}

#[test]
fn a_pod_is_ready_when_its_script_says_so_and_may_run_out_of_memory() {
    let namespace = cluster::shared().namespace("ready").unwrap();
    let (step, steps) = tokio::sync::watch::channel(0);
    let _node = FakeNode::start(&namespace, NodeOptions::default(), move |_: Pod, running: Running| {
        let mut steps = steps.clone();
        async move {
            steps.wait_for(|step| *step == 1).await.unwrap();
            running.set_ready(true);
            steps.wait_for(|step| *step == 2).await.unwrap();
            Exit::oom_killed()
        }
    })
    .unwrap();
    let mut job = job(1);
    job["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] =
        json!({ "tcpSocket": { "port": 1 } });
    namespace.apply(&job.to_string()).unwrap();
    until("a running pod", || (pods(&namespace).first()?["status"]["phase"] == "Running").then_some(()));
    assert!(ready(&namespace, &["0"]).is_none());
    step.send(1).unwrap();
    until("a ready pod", || ready(&namespace, &["0"]));
    step.send(2).unwrap();
    let killed = until("its end", || pods(&namespace).into_iter().find(|pod| exit_code(pod) == 137));
    assert_eq!(killed["status"]["containerStatuses"][0]["state"]["terminated"]["reason"], "OOMKilled");
    let failed = || (get(&namespace, "job/worker")["status"]["failed"] == 1).then_some(());
    until("the failure in the Job", failed);
}

#[tokio::test]
async fn a_client_asks_in_its_namespace() {
    let namespace = cluster::shared().namespace("client").unwrap();
    let accounts: kube::Api<k8s_openapi::api::core::v1::ServiceAccount> =
        kube::Api::default_namespaced(namespace.client().await.unwrap());
    let account = accounts.get("default").await.unwrap();
    assert_eq!(account.metadata.namespace.as_deref(), Some(namespace.name()));
}

#[test]
fn a_pod_that_asks_for_a_graphics_card_waits_until_there_is_one() {
    let namespace = cluster::shared().namespace("gpu").unwrap();
    let _node = FakeNode::start(&namespace, NodeOptions::default(), until_terminated).unwrap();
    let mut job = job(1);
    job["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({ "limits": { "nvidia.com/gpu": 1 } });
    namespace.apply(&job.to_string()).unwrap();

    let message = until("the scheduler's reason", || {
        let pods = pods(&namespace);
        let conditions = pods.first()?["status"]["conditions"].as_array()?;
        let scheduled = conditions.iter().find(|condition| condition["type"] == "PodScheduled")?;
        assert_eq!(scheduled["reason"], "Unschedulable");
        scheduled["message"].as_str().map(str::to_owned)
    });
    assert!(message.contains("1 Insufficient nvidia.com/gpu"), "{message}");
    assert_eq!(pods(&namespace)[0]["status"]["phase"], "Pending");

    let options = NodeOptions { gpus: 1, ..NodeOptions::default() };
    let node = FakeNode::start(&namespace, options, until_terminated).unwrap();
    until("a ready worker", || ready(&namespace, &["0"]));
    assert_eq!(pods(&namespace)[0]["spec"]["nodeName"], node.name());
}

#[test]
fn the_api_server_stops_and_comes_back_and_pods_go_on() {
    let begun = Instant::now();
    let cluster = ControlPlane::start().unwrap();
    println!("started in {:?}", begun.elapsed());
    let namespace = cluster.namespace("stop").unwrap();
    let (end, ended) = tokio::sync::watch::channel(false);
    let _node = FakeNode::start(&namespace, NodeOptions::default(), move |_: Pod, _: Running| {
        let mut ended = ended.clone();
        async move {
            ended.wait_for(|ended| *ended).await.unwrap();
            Exit::code(0).message("ended while nobody listened")
        }
    })
    .unwrap();
    start_job(&namespace, 1);
    until("a ready worker", || ready(&namespace, &["0"]));

    cluster.stop_api_server();
    assert!(cluster.kubectl(&["get", "nodes"]).unwrap_err().to_string().contains("refused"));
    end.send(true).unwrap();
    let begun = Instant::now();
    cluster.start_api_server().unwrap();
    println!("started again in {:?}", begun.elapsed());
    until("the end of the Job", || condition(&namespace, "job/worker", "Complete"));
    let message = &pods(&namespace)[0]["status"]["containerStatuses"][0]["state"]["terminated"]["message"];
    assert_eq!(message, "ended while nobody listened");

    let (folder, processes) = (cluster.folder(), cluster.processes());
    assert_eq!(processes.len(), 4);
    drop((_node, namespace, cluster));
    assert!(!folder.exists());
    assert!(processes.iter().all(|(_, id)| !verbatim_testing::process::runs(*id)));
}

/// Deadline of a test. Everything here takes seconds, but a Job waits 10 s before it replaces an ignored pod.
const LIMIT: Duration = Duration::from_secs(90);

fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < LIMIT, "{what} never came");
        std::thread::sleep(Duration::from_millis(100));
    }
}

async fn until_terminated(_pod: Pod, running: Running) -> Exit {
    running.terminated().await;
    Exit::code(0)
}

fn job(workers: u32) -> Value {
    let on_exit = |code: u32, action: &str| {
        let codes = json!({ "containerName": "worker", "operator": "In", "values": [code] });
        json!({ "action": action, "onExitCodes": codes })
    };
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": { "name": "worker" },
        "spec": {
            "completionMode": "Indexed",
            "parallelism": workers,
            "completions": workers,
            "backoffLimitPerIndex": 3,
            "podFailurePolicy": { "rules": [on_exit(75, "Ignore"), on_exit(78, "FailJob")] },
            "template": { "spec": {
                "restartPolicy": "Never",
                "containers": [{ "name": "worker", "image": "verbatim" }],
            } },
        },
    })
}

fn start_job(namespace: &Namespace, workers: u32) {
    namespace.apply(&job(workers).to_string()).unwrap();
}

fn scale(namespace: &Namespace, workers: u32) {
    let patch = json!({ "spec": { "parallelism": workers, "completions": workers } }).to_string();
    namespace.kubectl(&["patch", "job", "worker", "--patch", &patch]).unwrap();
}

fn get(namespace: &Namespace, what: &str) -> Value {
    serde_json::from_str(&namespace.kubectl(&["get", what, "-o", "json"]).unwrap()).unwrap()
}

fn pods(namespace: &Namespace) -> Vec<Value> {
    let mut pods: Vec<Value> = serde_json::from_value(get(namespace, "pods")["items"].take()).unwrap();
    pods.sort_by_key(|pod| index_of(pod).to_owned());
    pods
}

/// Reason of a condition that is true.
fn condition(namespace: &Namespace, what: &str, kind: &str) -> Option<String> {
    let object = get(namespace, what);
    let conditions = object["status"]["conditions"].as_array()?;
    let holds =
        conditions.iter().find(|condition| condition["type"] == kind && condition["status"] == "True")?;
    Some(holds["reason"].as_str().unwrap_or_default().to_owned())
}

/// Whether the existing pods have exactly these indexes, and are ready.
fn ready(namespace: &Namespace, indexes: &[&str]) -> Option<()> {
    let pods = pods(namespace);
    let there: Vec<_> = pods.iter().map(index_of).collect();
    let ready = pods.iter().all(|pod| pod["status"]["containerStatuses"][0]["ready"] == true);
    (ready && there == indexes).then_some(())
}

const INDEX: &str = "batch.kubernetes.io/job-completion-index";

fn index(pod: &Pod) -> String {
    pod.metadata.annotations.as_ref().unwrap()[INDEX].clone()
}

fn index_of(pod: &Value) -> &str {
    pod["metadata"]["annotations"][INDEX].as_str().unwrap_or_default()
}

fn exit_code(pod: &Value) -> i64 {
    pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"].as_i64().unwrap_or(-1)
}

fn resident(id: u32) -> u64 {
    let status = procfs::process::Process::new(id.try_into().unwrap()).unwrap().status().unwrap();
    status.vmrss.unwrap() << 10
}
