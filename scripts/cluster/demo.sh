#!/usr/bin/env bash
# Applies a job to a cluster and follows it to its end: recordings into a bucket, transcripts out of it.
#
# usage: scripts/cluster/demo.sh
#
# It uses the cluster of KUBECONFIG, or else that of `make cluster`. Verbatim must be installed there. Another
# cluster gets an S3 server in a pod (deploy/demo/store.yaml). All objects are in the namespace verbatim-demo.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/scripts/cluster/store.sh"

namespace=verbatim-demo
verbatim=${CARGO_TARGET_DIR:-$root/target}/release/verbatim
own=${KUBECONFIG:-}
export KUBECONFIG=${KUBECONFIG:-$state/kubeconfig}
[ "$(realpath "$KUBECONFIG" 2>/dev/null)" != "$(realpath "$state/kubeconfig" 2>/dev/null)" ] || own=''
[ -e "$KUBECONFIG" ] || die "no cluster: run make cluster first, or set KUBECONFIG"
kubectl get crd transcriptionjobs.verbatim.dev >/dev/null 2>&1 ||
  die "Verbatim is not installed there: helm install verbatim charts/verbatim -n verbatim-system --create-namespace"
command -v curl >/dev/null || die "curl is missing (on Debian: apt-get install curl)"

forward=''
follow=''
trap '[ -z "$forward" ] || kill "$forward" 2>/dev/null; [ -z "$follow" ] || kill "$follow" 2>/dev/null' EXIT

kubectl create namespace "$namespace" --dry-run=client -o yaml | kubectl apply -f - >/dev/null
kubectl label --overwrite namespace "$namespace" pod-security.kubernetes.io/enforce=restricted >/dev/null
kubectl -n "$namespace" delete tj calls --ignore-not-found >/dev/null
endpoint=$store
if [ -n "$own" ]; then
  say "an S3 server in a pod, for the demonstration"
  state=$(mktemp -d)
  kubectl -n "$namespace" get secret s3 >/dev/null 2>&1 || kubectl -n "$namespace" create secret generic s3 \
    --from-literal AWS_ACCESS_KEY_ID="demo$RANDOM$RANDOM" --from-literal AWS_SECRET_ACCESS_KEY="$(head -c 20 /dev/urandom | od -An -tx1 | tr -d ' \n')" >/dev/null
  key() { kubectl -n "$namespace" get secret s3 -o "jsonpath={.data.$1}" | base64 -d; }
  (umask 077 && printf 'ROOT_ACCESS_KEY=%s\nROOT_SECRET_KEY=%s\n' "$(key AWS_ACCESS_KEY_ID)" "$(key AWS_SECRET_ACCESS_KEY)" >"$state/store.env")
  kubectl -n "$namespace" apply -f "$root/deploy/demo/store.yaml" >/dev/null
  kubectl -n "$namespace" rollout status deployment/s3 --timeout 120s >/dev/null ||
    die "the S3 server does not start: kubectl -n $namespace describe pod -l app=s3"
  # By address: not every cluster has DNS.
  endpoint=http://$(kubectl -n "$namespace" get service s3 -o 'jsonpath={.spec.clusterIP}'):7070
  kubectl -n "$namespace" port-forward service/s3 :7070 >"$state/forward" 2>&1 &
  forward=$!
  for _ in $(seq 100); do grep -q Forwarding "$state/forward" && break || sleep 0.1; done
  store=http://127.0.0.1:$(sed -n 's/^Forwarding from 127.0.0.1:\([0-9]*\) .*/\1/p' "$state/forward" | head -1)
else
  store_secret "$namespace" s3
fi

# Sixty short recordings and twenty longer ones: copies of the two of the model's package.
samples=$("$verbatim" model show --path 2>/dev/null || true)/samples
[ -e "$samples/beckett.wav" ] || die "the model is missing: run make model"
say "uploading 80 recordings to s3://calls/audio/"
store_request PUT /calls >/dev/null 2>&1 || true
for n in $(seq -w 60); do store_request PUT "/calls/audio/short-$n.wav" --upload-file "$samples/beckett.wav" >/dev/null; done
for n in $(seq -w 20); do store_request PUT "/calls/audio/long-$n.wav" --upload-file "$samples/two_cities.wav" >/dev/null; done

say "kubectl apply -f deploy/demo/job.yaml"
sed "s#\$ENDPOINT#$endpoint#" "$root/deploy/demo/job.yaml" | kubectl -n "$namespace" apply -f - >&2
say "kubectl get tj -w"
kubectl -n "$namespace" get tj calls -w &
follow=$!
# Ten minutes: it takes one on two cores. A failed job ends the wait.
for _ in $(seq 600); do
  over=$(kubectl -n "$namespace" get tj calls -o 'jsonpath={.status.conditions[?(@.status=="True")].type}')
  [[ $over != *Complete* && $over != *Failed* ]] || break
  sleep 1
done
kill "$follow" && follow=''
[[ $over == *Complete* ]] || {
  kubectl -n "$namespace" describe tj calls >&2
  die "the job is not complete: $over"
}

echo
say "events (kubectl events --for tj/calls)"
kubectl -n "$namespace" events --for tj/calls 2>/dev/null | cut -c -150
echo
say "a transcript: s3://calls/transcripts/short-01.txt"
store_request GET /calls/transcripts/short-01.txt
cat >&2 <<END

  kubectl -n $namespace describe tj calls      # conditions, figures, failures
  kubectl -n $namespace get pods               # its workers
  The report of each recording: $(kubectl -n "$namespace" get tj calls -o 'jsonpath={.status.reportRef}')
END
[ -n "$own" ] || echo "  Metrics: $prometheus  (try verbatim_job_speed_up_ratio)" >&2
