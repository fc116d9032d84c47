# Prometheus, which discovers the pods of operator and workers. Sourced by up.sh.

prometheus_up() {
  local folder=$state/prometheus
  mkdir -p "$folder/data"
  {
    echo 'global: {scrape_interval: 5s, evaluation_interval: 5s}'
    echo "rule_files: ['$root/deploy/alerts/*.rules.yaml']"
    # Outside of a pod, the API server is found by a kubeconfig.
    sed "s#^\( *\)- role: pod#&\n\1  kubeconfig_file: $state/prometheus.kubeconfig#" "$root/deploy/prometheus/scrape.yaml"
  } >"$folder/prometheus.yaml"
  admin apply -f - >/dev/null <<END
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: prometheus}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: prometheus}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: prometheus}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: monitoring}]
END
  alive prometheus || spawn prometheus prometheus --config.file "$folder/prometheus.yaml" \
    --storage.tsdb.path "$folder/data" --web.listen-address 0.0.0.0:9090 --log.level warn
  await "Prometheus" curl --silent --fail --max-time 2 "$prometheus/-/ready"
}
