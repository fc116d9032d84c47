//! Keeps resource requests at or below their limits when they come from different templates.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PodTemplateSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use verbatim_crds::contract::WORKER_CONTAINER;

type Amounts = Option<BTreeMap<String, Quantity>>;

/// Resource requirements of the worker's container in a template.
pub fn of_worker(template: &PodTemplateSpec) -> ResourceRequirements {
    let spec = template.spec.iter();
    let worker = spec.flat_map(|spec| &spec.containers).find(|container| container.name == WORKER_CONTAINER);
    worker.and_then(|worker| worker.resources.clone()).unwrap_or_default()
}

/// Where a request is above its limit, the value of lower precedence becomes equal to the other one: a CPU
/// limit of half a core must not make the pod invalid because the default request is a whole core. `layers`
/// are the requirements of the templates, highest precedence first; a value that is in none of them is a
/// default. When both values come from one layer, the API server reports the conflict.
pub fn fit_requests_to_limits(pod: &mut PodTemplateSpec, layers: &[ResourceRequirements]) {
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
            let layer = |amounts: fn(&ResourceRequirements) -> &Amounts| {
                let has = |layer: &ResourceRequirements| {
                    amounts(layer).as_ref().is_some_and(|all| all.contains_key(name))
                };
                layers.iter().position(has).unwrap_or(layers.len())
            };
            match layer(|layer| &layer.requests).cmp(&layer(|layer| &layer.limits)) {
                std::cmp::Ordering::Greater if above => *request = limit.clone(),
                std::cmp::Ordering::Less if above => *limit = request.clone(),
                _ => {}
            }
        }
    }
}

/// Value of a quantity in Kubernetes' notation: `500m`, `1.5`, `2Gi`, `12e6`. Exact to 53 bits, which is
/// enough for comparisons. The crate `kube_quantity` (0.9) is no alternative: it panics when it compares
/// `1e28` with `1n`, and templates are user input.
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

    fn fitted(merged: Value, user: Value, cluster: Value) -> Value {
        let worker = json!({"name": "worker", "resources": merged});
        let mut pod = serde_json::from_value(json!({"spec": {"containers": [worker]}})).unwrap();
        fit_requests_to_limits(&mut pod, &[requirements(user), requirements(cluster)]);
        serde_json::to_value(of_worker(&pod)).unwrap()
    }

    #[test]
    fn lower_precedence_gives_way() {
        let merged =
            |request: &str, limit: &str| json!({"requests": {"cpu": request}, "limits": {"cpu": limit}});
        let limits = |limit: &str| json!({"limits": {"cpu": limit}});
        let requests = |request: &str| json!({"requests": {"cpu": request}});
        for (request, limit, user, cluster, expected) in [
            // A limit of the job or the cluster below the default request.
            ("1", "700m", limits("700m"), json!({}), ("700m", "700m")),
            ("1", "700m", json!({}), limits("700m"), ("700m", "700m")),
            // A request above the default limit or the cluster's.
            ("4", "2", requests("4"), json!({}), ("4", "4")),
            ("4", "2", requests("4"), limits("2"), ("4", "4")),
            ("4", "2", limits("2"), requests("4"), ("2", "2")),
            // Both from one layer: the API server reports the conflict.
            ("4", "2", merged("4", "2"), requests("1"), ("4", "2")),
            ("4", "2", json!({}), merged("4", "2"), ("4", "2")),
            // No conflict.
            ("1", "2", limits("2"), json!({}), ("1", "2")),
            ("1", "1000m", limits("1000m"), json!({}), ("1", "1000m")),
            // Not quantities: the API server refuses them.
            ("1", "much", limits("much"), json!({}), ("1", "much")),
        ] {
            let found = fitted(merged(request, limit), user, cluster);
            assert_eq!(found, merged(expected.0, expected.1), "{request} {limit}");
        }
        let memory = json!({"requests": {"memory": "1Gi"}, "limits": {"memory": "512Mi", "cpu": "1"}});
        let lower = json!({"requests": {"memory": "512Mi"}, "limits": {"memory": "512Mi", "cpu": "1"}});
        assert_eq!(fitted(memory, json!({"limits": {"memory": "512Mi"}}), json!({})), lower);
        // No requirements at all.
        assert_eq!(fitted(json!({}), json!({}), json!({})), json!({}));
    }

    #[test]
    fn quantities_parse_as_in_kubernetes() {
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
