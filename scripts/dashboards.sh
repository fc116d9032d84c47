#!/usr/bin/env bash
# Makes, compares and lints the dashboards, and tests the alerts.
#
# usage: scripts/dashboards.sh generate|check|lint|alerts
#
# The dashboards come from deploy/dashboards/generator, which needs Go 1.24 or newer (https://go.dev/dl).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

boards=deploy/dashboards
rules=deploy/alerts/verbatim.rules.yaml
export GOTOOLCHAIN=local

# Says loudly what this machine cannot check.
needs() {
  command -v "$1" >/dev/null 2>&1 || {
    echo "NOT CHECKED: $1 is missing, $2" >&2
    exit "${3:-0}"
  }
}

generator() { (cd "$boards/generator" && go run -mod=readonly -buildvcs=false . "$@" ..); }

case ${1-} in
  generate)
    needs go "dashboards cannot be made" 1
    generator
    ;;
  check)
    needs go "dashboards are not compared with what makes them"
    generator -check
    ;;
  lint)
    needs go "the generator of the dashboards is not vetted"
    (cd "$boards/generator" && go vet ./... && test -z "$(gofmt -l .)") || {
      echo "dashboards: the generator is not as gofmt and go vet want it (cd $boards/generator; gofmt -w .)" >&2
      exit 1
    }
    scripts/setup.sh dashboard-linter
    needs dashboard-linter "dashboards are not linted"
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    for board in "$boards"/*.json; do
      # Without --verbose this version takes every success for a warning. What deploy/dashboards/.lint excludes has a reason there.
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
