#!/usr/bin/env bash
# Measures the time from the creation of a worker's pod to its first transcript, with the image on the node.
#
# usage: scripts/cluster/start_up.sh [TIMES]
#
# Each run is a job of one short recording, on the cluster of `make cluster`. Prints the seconds, by this
# machine's clock, from the pod's first event to its transcript in the store's folder, which is polled every
# 20 ms.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/scripts/cluster/store.sh"
export KUBECONFIG=$state/kubeconfig
namespace=verbatim-start-up
kubectl create namespace "$namespace" --dry-run=client -o yaml | kubectl apply -f - >/dev/null
store_secret "$namespace" s3
store_request PUT /starts >/dev/null 2>&1 || true
samples=$("${CARGO_TARGET_DIR:-$root/target}/release/verbatim" model show --path)/samples

now() { echo "${EPOCHREALTIME/./}"; }
for n in $(seq "${1:-5}"); do
  store_request PUT "/starts/in-$n/beckett.wav" --upload-file "$samples/beckett.wav" >/dev/null
  kubectl -n "$namespace" delete tj "start-$n" --ignore-not-found >/dev/null
  rm -rf "$state/store/data/starts/out-$n"
  mkfifo "$state/pods-$n"
  kubectl -n "$namespace" get pods --watch -o name -l "verbatim.dev/job=start-$n" >"$state/pods-$n" 2>/dev/null &
  watch=$!
  exec 8<"$state/pods-$n"
  rm "$state/pods-$n"
  kubectl -n "$namespace" apply -f - >/dev/null <<END
apiVersion: verbatim.dev/v1alpha1
kind: TranscriptionJob
metadata: {name: start-$n}
spec:
  source: {s3: {bucket: starts, prefix: in-$n/}}
  destination: {s3: {bucket: starts, prefix: out-$n/}}
  storage: {endpoint: "$store", region: us-east-1, forcePathStyle: true, credentialsSecretRef: {name: s3}}
END
  read -r -u 8 _
  pod=$(now)
  until [ -e "$state/store/data/starts/out-$n/beckett.json" ]; do
    [ $(($(now) - pod)) -lt 60000000 ] || die "no transcript after a minute"
    sleep 0.02
  done
  done_at=$(now)
  kill "$watch"
  exec 8<&-
  awk -v us=$((done_at - pod)) 'BEGIN { printf "%.2f s\n", us / 1e6 }'
done
kubectl delete namespace "$namespace" >/dev/null
