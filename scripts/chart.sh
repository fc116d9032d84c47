#!/usr/bin/env bash
# Writes the generated parts of charts/verbatim: copies of files that a chart must contain, the README with
# its table of values, and the manifests rendered from each set of values in ci/.
#
# usage: scripts/chart.sh [--check]        --check: compare instead, and fail on a difference
#
# crdgen writes the chart's copy of the CRD.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
chart=$root/charts/verbatim
# `helm template` does not query a cluster: it is told the Kubernetes version that the tests run against.
kubernetes=$(awk '$1 == "require" && $2 == "k8s.io/kubernetes" { print $3 }' "$root/testing/tools/kubernetes/go.mod")

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

copies() {
  mkdir -p "$made/files/alerts" "$made/files/dashboards"
  cp "$root/deploy/operator/rbac.yaml" "$made/files/rbac.yaml"
  for file in "$root"/deploy/alerts/verbatim.rules.yaml; do
    [ ! -e "$file" ] || cp "$file" "$made/files/alerts/"
  done
  for file in "$root"/deploy/dashboards/*.json; do
    [ ! -e "$file" ] || cp "$file" "$made/files/dashboards/"
  done
}

# helm-docs writes into the chart's folder: it gets a copy.
readme() {
  local copy=$made/.readme
  mkdir -p "$copy"
  cp "$chart/Chart.yaml" "$chart/values.yaml" "$chart/README.md.gotmpl" "$copy/"
  helm-docs --log-level warning --chart-search-root "$copy" --sort-values-order file
  mv "$copy/README.md" "$made/README.md"
  rm -rf "$copy"
}

# The rendered manifests, without those that only contain a copied file: the CRD, dashboards and rules.
rendered() {
  mkdir -p "$made/ci/rendered"
  for values in "$chart"/ci/*.yaml; do
    helm template verbatim "$chart" --namespace verbatim-system --kube-version "$kubernetes" --values "$values" | awk '
      /^---$/ { held = $0; next }
      /^# Source: / { shown = !/\/(crd|dashboards|prometheusrule)\.yaml$/ }
      shown { if (held != "") print held; held = ""; print }
    ' >"$made/ci/rendered/$(basename "$values")"
  done
}

# Writes a generated file or folder into the chart, or with --check compares it. A folder must contain nothing
# else.
write_or_compare() {
  local part=$1
  if [ "${check:-}" ]; then
    diff -ruN "$chart/$part" "$made/$part" || {
      echo "charts/verbatim/$part differs from its source; run: make generate" >&2
      return 1
    }
  else
    rm -rf "${chart:?}/$part"
    mkdir -p "$(dirname "$chart/$part")"
    cp -r "$made/$part" "$chart/$part"
  fi
}

case ${1:-} in
  "") ;;
  --check) check=1 ;;
  *)
    echo "usage: scripts/chart.sh [--check]" >&2
    exit 2
    ;;
esac

copies
result=0
for part in files/rbac.yaml files/alerts files/dashboards; do
  write_or_compare "$part" || result=1
done
# Rendering reads the copies, so they come first.
readme
rendered
for part in README.md ci/rendered; do
  write_or_compare "$part" || result=1
done
exit $result
