# Who enforces NetworkPolicies: kube-network-policies, of Kubernetes' network group. Sourced by up.sh.
#
# It sees each packet that opens a connection of a pod with a policy, and lets nothing pass while it is away.

policies_up() {
  admin apply -f - >/dev/null <<END
apiVersion: v1
kind: ServiceAccount
metadata: {name: kube-network-policies, namespace: kube-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: kube-network-policies}
rules:
  - {apiGroups: [""], resources: [pods, namespaces, nodes], verbs: [get, list, watch]}
  - {apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: kube-network-policies}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: kube-network-policies}
subjects: [{kind: ServiceAccount, name: kube-network-policies, namespace: kube-system}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: kube-network-policies, namespace: kube-system}
spec:
  selector: {matchLabels: {app: kube-network-policies}}
  template:
    metadata: {labels: {app: kube-network-policies}}
    spec:
      hostNetwork: true
      serviceAccountName: kube-network-policies
      tolerations: [{operator: Exists}]
      containers:
        - name: kube-network-policies
          image: docker.io/library/kube-network-policies:cluster
          imagePullPolicy: Never
          # containerd 1.6 has no NRI.
          args: [--hostname-override=$cluster, --disable-nri, --metrics-bind-address=127.0.0.1:9080]
          securityContext: {runAsUser: 0, capabilities: {add: [NET_ADMIN]}, privileged: true}
END
  admin -n kube-system rollout status daemonset/kube-network-policies --timeout 60s >/dev/null
}
