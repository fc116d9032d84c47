#!/usr/bin/env bash
# Stops the cluster and removes everything that it wrote on this machine.
#
# usage: scripts/cluster/down.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
for part in network node; do
  # shellcheck source=/dev/null
  source "$root/scripts/cluster/$part.sh"
done
[ "$(id -u)" -eq 0 ] || die "this needs root, as up.sh did"

# The kubelet first: it would restart pods. KILL for the API server: on TERM it waits a minute for its
# watches.
end kubelet
for program in router proxy scheduler controller-manager; do end "$program" & done
for program in api-server etcd prometheus store; do end "$program" KILL & done
wait

# The pods' network namespaces: those with an address of this cluster.
pod_namespaces() {
  local name
  for name in $(ip netns list | awk '/^cni-/ { print $1 }'); do
    ! ip -netns "$name" -oneline -4 address | grep -q " inet ${pod_network%.*}\." || echo "$name"
  done
}
pods=$(pod_namespaces)

# Processes of containers are in the cluster's own cgroups, also those that containerd has lost; shims have
# our socket as argument.
kill_all() {
  local folder pids
  pids=$(pgrep -f "containerd-shim.* -address $sockets/containerd.sock" || true)
  for folder in $(cgroup_folders); do
    [ ! -d "$folder/verbatim-$cluster" ] || pids+=" $(find "$folder/verbatim-$cluster" -name cgroup.procs -exec cat {} + | sort -u | tr '\n' ' ')"
  done
  # shellcheck disable=SC2086 # a list of numbers
  [ -z "${pids// /}" ] || kill -KILL $pids 2>/dev/null || true
}
kill_all
end containerd
kill_all

# Also in the unified hierarchy beside v1, where runc creates folders.
cgroups_gone() {
  local folder
  for folder in $(find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -type d -name "verbatim-$cluster"); do
    find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || return 1
  done
}
await "the end of the containers' processes" cgroups_gone

# Deepest first.
{ grep -E " ($state|$sockets)/" /proc/self/mounts || true; } | awk '{ print $2 }' | sort -r | while read -r mount; do
  umount --lazy "$mount" || true
done
for name in $pods; do ip netns delete "$name" || true; done
network_down
# `:?` guards against an empty name.
rm -rf "${state:?}" "${sockets:?}"
say "removed"
