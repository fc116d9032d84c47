#!/usr/bin/env bash
# Starts a Kubernetes node, an S3 server and Prometheus on this machine, and installs Verbatim by Helm.
#
# usage: scripts/cluster/up.sh [--from-source] [--without-verbatim]
#
#   --from-source        compile the programs in the image's build, instead of taking those of target/release
#   --without-verbatim   do not install the chart
#
# It is quick when everything runs already. It needs root for network namespaces, cgroups and mounts.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
for part in network certificates control_plane node policies store prometheus images verbatim; do
  # shellcheck source=/dev/null
  source "$root/scripts/cluster/$part.sh"
done

prebuilt=yes verbatim=yes
while [ $# -gt 0 ]; do
  case $1 in
    --from-source) prebuilt='' ;;
    --without-verbatim) verbatim='' ;;
    *)
      sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
      exit 2
      ;;
  esac
  shift
done
[ "$(id -u)" -eq 0 ] || die "this needs root (network namespaces, cgroups, mounts): run it with sudo, or use a cluster that you have:
cluster: KUBECONFIG=... make cluster-demo"

# Runs a step and prints its time: title, command.
step() {
  local title=$1 start=${EPOCHREALTIME/./}
  shift
  "$@"
  printf 'cluster: %-58s %6.1f s\n' "$title" "$(((${EPOCHREALTIME/./} - start) / 1000))e-3" >&2
}

network_and_keys() {
  network_up
  certificates_up
}

start=$SECONDS
mkdir -p "$state" "$sockets" "$logs"
step "programs of the node" "$root/scripts/setup.sh" kubernetes node cluster kube-router prometheus versitygw helm
step "images of the operator and the worker" images_up
step "network, keys" network_and_keys
step "etcd, API server, controller manager, scheduler" control_plane_up
step "containerd, kubelet, kube-proxy" node_up
step "images on the node" images_import
step "the node is ready" node_ready
step "network policies" policies_up
step "S3 server" store_up
step "Prometheus" prometheus_up
[ -z "$verbatim" ] || step "Verbatim, by Helm" verbatim_up
say "up after $((SECONDS - start)) s"
next_steps
