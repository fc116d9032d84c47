#!/usr/bin/env bash
# Runs real jobs on this machine, scrapes them with a real Prometheus, and checks that every query of the
# dashboards and alerts has data. With --pictures it also draws the dashboards, into docs/pictures.
#
# usage: scripts/check-queries.sh [--minutes 15] [--pictures]
#
# A control plane, an S3 server, the operator and workers run on the loopback, without root; the jobs are in
# tests/examples/check_queries. Pictures need npm and Chromium (deploy/dashboards/pictures).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

minutes=15 pictures=
while [ $# -gt 0 ]; do
  case $1 in
    --minutes) minutes=$2 && shift ;;
    --pictures) pictures=yes ;;
    *) sed -n '5p' "$0" >&2 && exit 2 ;;
  esac
  shift
done

target=${CARGO_TARGET_DIR:-$PWD/target}
state=$target/check-queries
port=${CHECK_QUERIES_PORT:-9191}
url=http://127.0.0.1:$port
say() { echo "check-queries: $*" >&2; }
die() {
  say "$*"
  exit 1
}

cargo build --release --locked --package verbatim-tests --example check_queries
rm -rf "$state"
mkdir -p "$state"/{recordings,speech,prometheus}
# The two recordings of the model's package, and short ones in every format.
cp "$("$target/release/verbatim" model show --path)"/samples/*.wav "$state/speech/"
cp "$state"/speech/*.wav inference/fixtures/audio/*.wav "$state/recordings/"
# The prompts of the bench, if they are on this machine: many short recordings.
prompts=${XDG_CACHE_HOME:-$HOME/.cache}/verbatim/bench/prompts
[ ! -d "$prompts" ] || cp "$prompts"/*.wav "$state/recordings/"

# It ends with its standard input, which this script holds open.
mkfifo "$state/open"
"$target/release/examples/check_queries" "$target/release" "$state/speech" "$state/recordings" "$state" <"$state/open" >"$state/log" 2>&1 &
jobs=$!
exec 9>"$state/open"
prometheus=
trap 'exec 9>&-; [ -z "$prometheus" ] || kill "$prometheus" 2>/dev/null; wait "$jobs" 2>/dev/null || true' EXIT
say "uploading recordings and applying jobs"
until [ -e "$state/ready" ]; do
  kill -0 "$jobs" 2>/dev/null || die "the jobs' program ended: $(tail -3 "$state/log")"
  sleep 1
done

{
  echo 'global: {scrape_interval: 5s, evaluation_interval: 15s}'
  echo "rule_files: ['$PWD/deploy/alerts/verbatim.rules.yaml']"
  # Outside of a pod, the API server is found by a kubeconfig.
  sed "s#^\( *\)- role: pod#&\n\1  kubeconfig_file: $state/kubeconfig#" deploy/prometheus/scrape.yaml
} >"$state/prometheus.yaml"
prometheus --config.file "$state/prometheus.yaml" --storage.tsdb.path "$state/prometheus" \
  --web.listen-address "127.0.0.1:$port" --log.level warn >"$state/prometheus.log" 2>&1 &
prometheus=$!
say "Prometheus is at $url, logs are in $state; the queries run in $minutes minutes"
end=$((SECONDS + minutes * 60))
while [ "$SECONDS" -lt "$end" ]; do
  kill -0 "$prometheus" 2>/dev/null || die "Prometheus ended: $(tail -3 "$state/prometheus.log")"
  sleep 5
done

python3 deploy/tests/queries.py "$url" --minutes "$minutes" --within 600
if [ -n "$pictures" ]; then
  cd deploy/dashboards/pictures
  npm ci --no-audit --no-fund
  npm run build
  python3 draw.py "$url" ../../../docs/pictures --minutes "$minutes"
fi
