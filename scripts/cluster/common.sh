# Names, paths and helper functions of the scripts in this folder, which source it.
#
# The cluster is one Kubernetes node, an S3 server and Prometheus: plain processes in a network namespace of
# their own, which a pair of virtual interfaces joins to this machine. Everything that it writes is below
# $state and $sockets.
set -euo pipefail

cluster=${VERBATIM_CLUSTER:-verbatim}
# Part of the addresses, so that two clusters have different ones: 0 to 255.
number=${VERBATIM_CLUSTER_NUMBER:-0}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tools=${VERBATIM_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/verbatim/tools}
export PATH="$tools/bin:$PATH:/usr/sbin:/sbin"
state=${CARGO_TARGET_DIR:-$root/target}/cluster/$cluster
# The path of a socket has at most 107 bytes: a checkout may lie too deep.
sockets=/run/verbatim-$cluster
logs=$state/logs

node_address=10.250.$number.1
host_address=10.251.$number.1
inner_address=10.251.$number.2
pod_network=10.244.$number.0/24
pod_gateway=10.244.$number.1
service_network=10.96.$number.0/24
service_address=10.96.$number.1

server=https://$node_address:6443
store=http://$node_address:7070
prometheus=http://$node_address:9090
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -1)

say() { echo "cluster: $*" >&2; }
die() {
  say "$*"
  exit 1
}

# Starts a program of the cluster in the background, and writes its log and its process id: name, command.
spawn() {
  local name=$1
  shift
  mkdir -p "$logs" "$state/pids"
  # shellcheck disable=SC2024 # the log is ours
  setsid nsenter --net="/var/run/netns/$cluster" "$@" >>"$logs/$name.log" 2>&1 </dev/null &
  echo $! >"$state/pids/$name"
}

# Succeeds if a program of the cluster runs.
alive() {
  local pid
  pid=$(cat "$state/pids/$1" 2>/dev/null) && kill -0 "$pid" 2>/dev/null
}

# Stops a program of the cluster and waits for its end: name, signal.
end() {
  local name=$1 signal=${2:-TERM} pid tries=0
  pid=$(cat "$state/pids/$name" 2>/dev/null) || return 0
  kill -"$signal" "$pid" 2>/dev/null || true
  while kill -0 "$pid" 2>/dev/null; do
    tries=$((tries + 1))
    # It has had 10 s.
    [ "$tries" -lt 100 ] || kill -KILL "$pid" 2>/dev/null || true
    sleep 0.1
  done
  rm -f "$state/pids/$name"
}

# Longest time in seconds for anything to start or end: many times what it takes on an idle machine.
patience=300

# Waits until a command succeeds: subject, command. On failure it prints the end of each log.
await() {
  local what=$1 start=$SECONDS
  shift
  until "$@" >/dev/null 2>&1; do
    if [ $((SECONDS - start)) -ge "$patience" ]; then
      tail -n 4 "$logs"/*.log >&2
      die "$what: not ready after $patience s. Logs are in $logs"
    fi
    sleep 0.2
  done
}

admin() { kubectl --kubeconfig "$state/kubeconfig" "$@"; }
