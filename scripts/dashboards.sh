#!/usr/bin/env bash
# Generates, compares and lints the dashboards, and tests the alerts.
#
# usage: scripts/dashboards.sh generate|check|lint|alerts
#
# deploy/dashboards/generator writes the dashboards, which needs Go 1.24 or newer (https://go.dev/dl).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

boards=deploy/dashboards
rules=deploy/alerts/verbatim.rules.yaml
export GOTOOLCHAIN=local

# Reports a check that this machine cannot run.
needs() {
  command -v "$1" >/dev/null 2>&1 || {
    echo "NOT CHECKED: $1 is missing, $2" >&2
    exit "${3:-0}"
  }
}

generator() { (cd "$boards/generator" && go run -mod=readonly -buildvcs=false . "$@" ..); }

case ${1-} in
  generate)
    needs go "dashboards cannot be generated" 1
    generator
    ;;
  check)
    needs go "dashboards are not compared with their generator"
    generator -check
    ;;
  lint)
    needs go "the generator of the dashboards is not vetted"
    (cd "$boards/generator" && go vet ./... && test -z "$(gofmt -l .)") || {
      echo "dashboards: gofmt or go vet has findings in the generator (cd $boards/generator; gofmt -w .)" >&2
      exit 1
    }
    scripts/setup.sh dashboard-linter
    needs dashboard-linter "dashboards are not linted"
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    for board in "$boards"/*.json; do
      # Without --verbose this version reports every success as a warning. deploy/dashboards/.lint gives a
      # reason for each exclusion.
      dashboard-linter lint --strict --verbose "$board" >"$log" 2>&1 || {
        grep -E '❌|⚠|Error' "$log" >&2
        exit 1
      }
    done
    echo "dashboards: linted $(ls "$boards"/*.json | wc -l), no findings"
    ;;
  alerts)
    scripts/setup.sh promtool
    needs promtool "alerts are not tested"
    promtool check rules "$rules"
    promtool test rules deploy/alerts/tests/*.yaml
    ;;
  *)
    sed -n '4p' "$0" >&2
    exit 2
    ;;
esac
