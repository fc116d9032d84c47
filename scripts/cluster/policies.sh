# Enforcement of NetworkPolicies: the firewall of kube-router, without its routes and proxies. Sourced by
# up.sh.

policies_up() {
  # Health and metrics are for probes of a pod; nothing reads them here.
  alive router || spawn router kube-router --kubeconfig "$state/kubeconfig" --hostname-override "$cluster" \
    --run-firewall=true --run-router=false --run-service-proxy=false --run-loadbalancer=false --enable-cni=false \
    --service-cluster-ip-range "$service_network" --health-port 0 --metrics-port 0
  # Until then no policy is enforced.
  await "the firewall" nsenter --net="/var/run/netns/$cluster" iptables --numeric --list KUBE-ROUTER-FORWARD
}
