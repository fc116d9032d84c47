# Verbatim itself, installed by its chart. Sourced by up.sh.

verbatim_up() {
  # Every build of a version has the same tag: this annotation replaces the pods when the programs change.
  local digest
  digest=$(sha256sum "$state/archives/verbatim-operator.tar" | cut -c -16)
  helm --kubeconfig "$state/kubeconfig" upgrade --install verbatim "$root/charts/verbatim" \
    --namespace verbatim-system --create-namespace --wait --timeout "${patience}s" \
    --set-string "operator.podAnnotations.verbatim\.dev/build=$digest" \
    --values "$root/scripts/cluster/values.yaml" >"$logs/helm.log" 2>&1 || {
    cat "$logs/helm.log" >&2
    admin get pods,events -n verbatim-system >&2
    die "failed to install the chart"
  }
}

next_steps() {
  cat >&2 <<END

  export KUBECONFIG=$state/kubeconfig
  kubectl get nodes,pods -A          # what runs
  make cluster-demo                  # a job, followed until it is complete
  Prometheus: $prometheus
  S3: $store (keys: $state/store.env)
  make cluster-down                  # all of it goes
END
}
