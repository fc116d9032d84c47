//! The operator with exactly its roles, bound in some namespaces or in all; and deletion of namespaces.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use verbatim_testing::cluster::{ControlPlane, FakeNode, Namespace, NodeOptions, Request};

use crate::fixture::{ACCOUNT, Fixture, LIMIT, condition, define, defined};
use crate::fleet::Fleet;

const RBAC: &str = include_str!("../../../deploy/operator/rbac.yaml");

/// A second namespace with workers of its own.
struct Other {
    _node: FakeNode,
    fleet: Arc<Fleet>,
    namespace: Namespace,
}

impl Other {
    fn new(cluster: &ControlPlane, prefix: &str, fleet: Fleet) -> Self {
        let namespace = cluster.namespace(prefix).unwrap();
        let fleet = Arc::new(fleet);
        let node = FakeNode::start(&namespace, NodeOptions::default(), Arc::clone(&fleet).script()).unwrap();
        Self { _node: node, fleet, namespace }
    }

    fn apply(&self, name: &str) {
        let job = json!({
            "apiVersion": "verbatim.dev/v1alpha1", "kind": "TranscriptionJob", "metadata": {"name": name},
            "spec": {
                "source": {"s3": {"bucket": "calls"}}, "destination": {"s3": {"bucket": "transcripts"}},
                "scaling": {"minWorkers": 1, "maxWorkers": 2},
            },
        });
        self.namespace.apply(&job.to_string()).unwrap();
    }

    fn status(&self, name: &str) -> Value {
        let job = self.namespace.kubectl(&["get", "tj", name, "-o", "json"]).unwrap();
        serde_json::from_str::<Value>(&job).unwrap()["status"].clone()
    }

    fn until(&self, fixture: &Fixture<'_>, name: &str, what: &str, holds: impl Fn(&Value) -> bool) {
        let started = Instant::now();
        while !holds(&self.status(name)) {
            assert!(
                started.elapsed() < LIMIT,
                "{what} never came\n{:#}\n{}",
                self.status(name),
                fixture.log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Requests of the operator's account, in the order of the audit log.
fn requests(fixture: &Fixture<'_>) -> Vec<Request> {
    let user = format!("system:serviceaccount:{}:{ACCOUNT}", fixture.namespace.name());
    fixture.cluster.audit().unwrap().into_iter().filter(|request| request.user == user).collect()
}

#[test]
fn roles_in_two_namespaces_suffice_for_two_namespaces() {
    // The account has only the rights granted here.
    const NARROW: &str = "narrow";
    let mut fixture = Fixture::shared("two-a", Fleet::new(40, 1));
    let other = Other::new(defined(), "two-b", Fleet::new(40, 1));
    let third = Other::new(defined(), "two-c", Fleet::new(40, 1));
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NARROW}});
    fixture.namespace.apply(&account.to_string()).unwrap();
    let roles = RBAC.replace("kind: ClusterRole", "kind: Role");
    let grants = |namespace: &Namespace, names: &[&str]| {
        namespace.apply(&roles).unwrap();
        for name in names {
            let binding = json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": {"name": format!("{NARROW}-{name}")},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": NARROW, "namespace": fixture.namespace.name()}],
            });
            namespace.apply(&binding.to_string()).unwrap();
        }
    };
    grants(&fixture.namespace, &["verbatim-operator", "verbatim-operator-leader"]);
    grants(&other.namespace, &["verbatim-operator"]);
    let both = format!("{},{}", fixture.namespace.name(), other.namespace.name());
    fixture.operator_over(NARROW, &["--namespace", &both]);
    third.apply("calls");
    fixture.apply("calls", json!({}));
    other.apply("calls");
    fixture.until("calls", "the end of the first", |status| status["phase"] == "Complete");
    other.until(&fixture, "calls", "the end of the second", |status| status["phase"] == "Complete");
    assert_eq!(fixture.forbidden(), Vec::<String>::new());
    // It worked in both namespaces and sent requests to no other.
    let user = format!("system:serviceaccount:{}:{NARROW}", fixture.namespace.name());
    let audit = fixture.cluster.audit().unwrap();
    let namespaces: std::collections::BTreeSet<_> = audit
        .iter()
        .filter(|request| request.user == user)
        .map(|request| request.namespace.as_str())
        .collect();
    let named = [other.namespace.name(), fixture.namespace.name(), ""];
    assert!(namespaces.iter().all(|namespace| named.contains(namespace)), "{namespaces:?}");
    assert_eq!((third.status("calls"), third.fleet.started().len()), (Value::Null, 0));
}

/// One binding for all namespaces, one of which is deleted while its job runs.
#[test]
fn a_namespace_with_a_running_job_can_be_deleted() {
    let cluster = ControlPlane::start().unwrap();
    define(&cluster);
    let mut fixture = Fixture::in_namespace(&cluster, "system", Fleet::new(60, 1), NodeOptions::default());
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "verbatim-operator"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "verbatim-operator"},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": fixture.namespace.name()}],
    });
    cluster.apply(&binding.to_string()).unwrap();
    fixture.operator_over(ACCOUNT, &[]);
    let stays = Other::new(&cluster, "stays", Fleet::new(40, 1));
    let goes = Other::new(&cluster, "goes", Fleet::new(100_000, 1));
    stays.apply("calls");
    goes.apply("calls");
    stays.until(&fixture, "calls", "the end", |status| condition(status, "Complete") == "True AllFilesDone");
    goes.until(&fixture, "calls", "two workers", |status| status["workers"]["ready"] == 2);
    assert_eq!(fixture.forbidden(), Vec::<String>::new());

    let before = requests(&fixture).len();
    let started = Instant::now();
    cluster
        .kubectl(&["delete", "namespace", goes.namespace.name(), "--wait=true", "--timeout=120s"])
        .unwrap();
    println!("the namespace was deleted after {:?}", started.elapsed());
    let page = fixture.page();
    assert!(!page.contains(goes.namespace.name()), "its series are still there");
    // Refusals there end soon, and other jobs are not affected.
    fixture.apply("next", json!({}));
    fixture.until("next", "the end of another job", |status| status["phase"] == "Complete");
    let refused: Vec<Request> = requests(&fixture)
        .into_iter()
        .skip(before)
        .filter(|request| request.namespace == goes.namespace.name() && request.code >= 400)
        .collect();
    assert!(refused.len() <= 10, "{} refused: {refused:#?}", refused.len());
    let log = fixture.log();
    let errors = log.lines().filter(|line| line.contains("\"step\":")).count();
    assert!(errors <= 3, "{errors} reconciles failed:\n{log}");
}
