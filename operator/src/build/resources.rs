//! Requests that are not above their limits, whoever said which.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PodTemplateSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use verbatim_crds::contract::WORKER_CONTAINER;

type Amounts = Option<BTreeMap<String, Quantity>>;

/// What a template says of the worker's resources.
pub fn said(template: &PodTemplateSpec) -> ResourceRequirements {
    let spec = template.spec.iter();
    let worker = spec.flat_map(|spec| &spec.containers).find(|container| container.name == WORKER_CONTAINER);
    worker.and_then(|worker| worker.resources.clone()).unwrap_or_default()
}

/// Where a request is above its limit, the one that was said with less authority becomes as the other: who limits the
/// processor to half a core does not mean that the default request of a whole one makes the pod impossible. `says` has who says
/// something, the highest authority first; what none of them says is a default. Two of one voice are left to the API server.
pub fn settle(pod: &mut PodTemplateSpec, says: &[ResourceRequirements]) {
    let workers = pod.spec.iter_mut().flat_map(|spec| &mut spec.containers);
    for worker in workers.filter(|container| container.name == WORKER_CONTAINER) {
        let Some(ResourceRequirements { requests: Some(requests), limits: Some(limits), .. }) =
            &mut worker.resources
        else {
            continue;
        };
        for (name, request) in requests {
            let Some(limit) = limits.get_mut(name) else { continue };
            let above = amount(request).zip(amount(limit)).is_some_and(|(request, limit)| request > limit);
            let voice = |amounts: fn(&ResourceRequirements) -> &Amounts| {
                let has = |said: &ResourceRequirements| {
                    amounts(said).as_ref().is_some_and(|all| all.contains_key(name))
                };
                says.iter().position(has).unwrap_or(says.len())
            };
            match voice(|said| &said.requests).cmp(&voice(|said| &said.limits)) {
                std::cmp::Ordering::Greater if above => *request = limit.clone(),
                std::cmp::Ordering::Less if above => *limit = request.clone(),
                _ => {}
            }
        }
    }
}

/// A quantity's number, as Kubernetes writes them: `500m`, `1.5`, `2Gi`, `12e6`. Exact enough to be compared: to 53 bits. Not by the
/// crate `kube_quantity` (0.9): it panics where it compares numbers as large as `1e28` with `1n`, and templates are anybody's.
fn amount(Quantity(text): &Quantity) -> Option<f64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && !"+-.".contains(c)).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let unit = match suffix {
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 2_f64.powi(10),
        "Mi" => 2_f64.powi(20),
        "Gi" => 2_f64.powi(30),
        "Ti" => 2_f64.powi(40),
        "Pi" => 2_f64.powi(50),
        "Ei" => 2_f64.powi(60),
        _ => 10_f64.powi(suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    Some(number.parse::<f64>().ok()? * unit)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn requirements(value: Value) -> ResourceRequirements {
        serde_json::from_value(value).unwrap()
    }

    fn settled(merged: Value, user: Value, cluster: Value) -> Value {
        let worker = json!({"name": "worker", "resources": merged});
        let mut pod = serde_json::from_value(json!({"spec": {"containers": [worker]}})).unwrap();
        settle(&mut pod, &[requirements(user), requirements(cluster)]);
        serde_json::to_value(said(&pod)).unwrap()
    }

    #[test]
    fn what_was_said_with_less_authority_gives_way() {
        let merged =
            |request: &str, limit: &str| json!({"requests": {"cpu": request}, "limits": {"cpu": limit}});
        let limits = |limit: &str| json!({"limits": {"cpu": limit}});
        let requests = |request: &str| json!({"requests": {"cpu": request}});
        for (request, limit, user, cluster, settled_to) in [
            // A limit below the default request, by the job or by the cluster.
            ("1", "700m", limits("700m"), json!({}), ("700m", "700m")),
            ("1", "700m", json!({}), limits("700m"), ("700m", "700m")),
            // A request above a default limit, or above the cluster's.
            ("4", "2", requests("4"), json!({}), ("4", "4")),
            ("4", "2", requests("4"), limits("2"), ("4", "4")),
            ("4", "2", limits("2"), requests("4"), ("2", "2")),
            // One voice: the API server says what is wrong.
            ("4", "2", merged("4", "2"), requests("1"), ("4", "2")),
            ("4", "2", json!({}), merged("4", "2"), ("4", "2")),
            // Nothing is wrong.
            ("1", "2", limits("2"), json!({}), ("1", "2")),
            ("1", "1000m", limits("1000m"), json!({}), ("1", "1000m")),
            // No quantities: the API server's to refuse.
            ("1", "much", limits("much"), json!({}), ("1", "much")),
        ] {
            let found = settled(merged(request, limit), user, cluster);
            assert_eq!(found, merged(settled_to.0, settled_to.1), "{request} {limit}");
        }
        let memory = json!({"requests": {"memory": "1Gi"}, "limits": {"memory": "512Mi", "cpu": "1"}});
        let lower = json!({"requests": {"memory": "512Mi"}, "limits": {"memory": "512Mi", "cpu": "1"}});
        assert_eq!(settled(memory, json!({"limits": {"memory": "512Mi"}}), json!({})), lower);
        // Nothing but limits, or nothing at all.
        assert_eq!(settled(json!({}), json!({}), json!({})), json!({}));
    }

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        let read = |text: &str| amount(&Quantity(text.to_owned()));
        for (text, number) in [
            ("0", 0.0),
            ("500m", 0.5),
            ("1.5", 1.5),
            (".5", 0.5),
            ("2Gi", 2_147_483_648.0),
            ("128974848", 128_974_848.0),
            ("129e6", 129e6),
            ("129M", 129e6),
            ("12E", 12e18),
            ("12E2", 1200.0),
            ("5E-1", 0.5),
            ("-1", -1.0),
        ] {
            assert_eq!(read(text), Some(number), "{text}");
        }
        for text in ["", "m", "1 Gi", "1gi", "much", "1e", "--1", "1.2.3", "99e99999999999", "ä"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
