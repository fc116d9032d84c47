# Keys and kubeconfigs of the cluster. Sourced by up.sh.

certificates_up() {
  local pki=$state/pki
  [ ! -e "$state/kubeconfig" ] || return 0
  mkdir -p "$pki"
  chmod 700 "$pki"
  (
    cd "$pki"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=verbatim-ca \
      -keyout ca.key -out ca.crt
    signed server "/CN=kube-apiserver" "subjectAltName=IP:$node_address,IP:$service_address,DNS:kubernetes.default.svc"
    signed kubelet-client "/O=system:masters/CN=kube-apiserver-kubelet-client" "extendedKeyUsage=clientAuth"
    signed kubelet-server "/CN=$cluster" "subjectAltName=IP:$node_address"
    openssl ecparam -name prime256v1 -genkey -noout -out account.key
    openssl ec -in account.key -pubout -out account.pub
  ) 2>"$logs/certificates.log"
  # Token, user, uid, groups.
  local token
  : >"$pki/tokens.csv"
  while read -r name user groups; do
    token=$(openssl rand -hex 16)
    echo "$token,$user,$name,\"$groups\"" >>"$pki/tokens.csv"
    kubeconfig "$token" >"$state/$name"
    chmod 600 "$state/$name"
  done <<END
kubeconfig admin system:masters
controller-manager.kubeconfig system:kube-controller-manager system:authenticated
scheduler.kubeconfig system:kube-scheduler system:authenticated
proxy.kubeconfig system:kube-proxy system:authenticated
kubelet.kubeconfig system:node:$cluster system:nodes
prometheus.kubeconfig prometheus monitoring
END
}

# A certificate of the cluster's authority: name, subject, extensions.
signed() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" -keyout "$1.key" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -extfile <(echo "$3") -out "$1.crt"
}

kubeconfig() {
  cat <<END
apiVersion: v1
kind: Config
current-context: $cluster
contexts: [{name: $cluster, context: {cluster: $cluster, user: $cluster}}]
clusters: [{name: $cluster, cluster: {server: "$server", certificate-authority-data: $(base64 -w0 <"$state/pki/ca.crt")}}]
users: [{name: $cluster, user: {token: $1}}]
END
}
