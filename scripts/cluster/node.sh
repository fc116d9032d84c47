# containerd, kubelet and kube-proxy. Sourced by up.sh.

# Cgroup folders of this machine, which may mount version 1 or 2: v1 has one for each controller.
cgroup_folders() {
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    echo /sys/fs/cgroup
  else
    find /sys/fs/cgroup -mindepth 1 -maxdepth 1 -type d ! -name unified
  fi
}

containerd_up() {
  mkdir -p "$state/containerd" "$sockets/containerd"
  cat >"$state/containerd.toml" <<END
version = 2
root = "$state/containerd"
state = "$sockets/containerd"
# This plugin writes to /opt/containerd of this machine.
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
address = "$sockets/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "docker.io/library/verbatim-pause:1"
# Without CAP_SYS_RESOURCE the score cannot be lowered, and no sandbox starts.
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "$state/cni"
END
  mkdir -p "$state/cni"
  cat >"$state/cni/10-pods.conflist" <<END
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$state/cni/addresses", "ranges": [[{"subnet": "$pod_network"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
  alive containerd || spawn containerd containerd --config "$state/containerd.toml"
  await "containerd" containers version
}

containers() { ctr --address "$sockets/containerd.sock" --namespace k8s.io "$@"; }

kubelet_up() {
  local folder
  for folder in $(cgroup_folders); do
    mkdir -p "$folder/verbatim-$cluster"
    # v1: a new cpuset is empty until it is written.
    if [ -e "$folder/cpuset.cpus" ] && [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
      cat "$folder/cpuset.cpus" >"$folder/verbatim-$cluster/cpuset.cpus"
      cat "$folder/cpuset.mems" >"$folder/verbatim-$cluster/cpuset.mems"
    fi
  done
  cat >"$state/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: $state/pki/ca.crt}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /verbatim-$cluster
containerRuntimeEndpoint: unix://$sockets/containerd.sock
failSwapOn: false
failCgroupV1: false
# A laptop's disk is often nearly full.
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
podLogsDir: $state/pods
staticPodPath: ""
tlsCertFile: $state/pki/kubelet-server.crt
tlsPrivateKeyFile: $state/pki/kubelet-server.key
shutdownGracePeriod: 0s
END
  mkdir -p "$state/kubelet" "$state/pods"
  alive kubelet || spawn kubelet kubelet --config "$state/kubelet.yaml" --kubeconfig "$state/kubelet.kubeconfig" \
    --root-dir "$state/kubelet" --hostname-override "$cluster" --node-ip "$node_address" --cert-dir "$state/pki"
}

proxy_up() {
  # kube-proxy ends when its file changes.
  [ -e "$state/proxy.yaml" ] || cat >"$state/proxy.yaml" <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $state/proxy.kubeconfig}
clusterCIDR: $pod_network
hostnameOverride: $cluster
mode: iptables
# The kernel's settings are this machine's, not the cluster's.
conntrack: {maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
END
  alive proxy || spawn proxy kube-proxy --config "$state/proxy.yaml"
}

node_up() {
  containerd_up
  kubelet_up
  proxy_up
  await "the node's registration" admin get node "$cluster"
}

node_ready() { admin wait --for condition=Ready "node/$cluster" --timeout "${patience}s" >/dev/null; }
