# etcd, API server, controllers and scheduler. Sourced by up.sh, and by tests that stop the API server for a
# while.

etcd_up() {
  alive etcd || spawn etcd etcd --data-dir "$state/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls "http://127.0.0.1:2379" --advertise-client-urls "http://127.0.0.1:2379" \
    --listen-peer-urls "http://127.0.0.1:2380"
}

api_server_up() {
  local pki=$state/pki
  alive api-server || spawn api-server kube-apiserver \
    --etcd-servers http://127.0.0.1:2379 --secure-port 6443 --bind-address 0.0.0.0 --advertise-address "$node_address" \
    --tls-cert-file "$pki/server.crt" --tls-private-key-file "$pki/server.key" --client-ca-file "$pki/ca.crt" \
    --token-auth-file "$pki/tokens.csv" --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction \
    --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$pki/account.pub" \
    --service-account-signing-key-file "$pki/account.key" --service-cluster-ip-range "$service_network" \
    --kubelet-client-certificate "$pki/kubelet-client.crt" --kubelet-client-key "$pki/kubelet-client.key" \
    --kubelet-certificate-authority "$pki/ca.crt" --kubelet-preferred-address-types InternalIP --allow-privileged
}

controllers_up() {
  alive controller-manager || spawn controller-manager kube-controller-manager \
    --kubeconfig "$state/controller-manager.kubeconfig" --use-service-account-credentials \
    --service-account-private-key-file "$state/pki/account.key" --root-ca-file "$state/pki/ca.crt" \
    --cluster-cidr "$pod_network" --allocate-node-cidrs --node-cidr-mask-size 24 --leader-elect=false
  alive scheduler || spawn scheduler kube-scheduler --kubeconfig "$state/scheduler.kubeconfig" --leader-elect=false
}

control_plane_up() {
  etcd_up
  api_server_up
  await "the API server" admin get --raw /readyz
  controllers_up
}
