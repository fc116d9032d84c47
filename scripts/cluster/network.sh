# The network of the cluster. Sourced by up.sh.

network_up() {
  local outside=vb-$number inside=vbi-$number
  [ ! -e "/var/run/netns/$cluster" ] || return 0
  ip netns add "$cluster"
  ip link add "$outside" type veth peer name "$inside" netns "$cluster"
  ip address add "$host_address/30" dev "$outside"
  ip link set "$outside" up
  in_network ip link set lo up
  in_network ip address add "$inner_address/30" dev "$inside"
  in_network ip link set "$inside" up
  # The node's own address, on an interface that is always up.
  in_network ip link add node0 type bridge
  in_network ip address add "$node_address/24" dev node0
  in_network ip link set node0 up
  in_network ip route add default via "$host_address"
  in_network sysctl -qw net.ipv4.ip_forward=1
  ip route add "$node_address/32" via "$inner_address"
  ip route add "$pod_network" via "$inner_address"
}

in_network() { nsenter --net="/var/run/netns/$cluster" "$@"; }

# The namespace takes its routes and interfaces with it.
network_down() {
  [ ! -e "/var/run/netns/$cluster" ] || ip netns delete "$cluster"
  # The kernel removes the outer end a moment after the inner one.
  ip link delete "vb-$number" 2>/dev/null || true
}
