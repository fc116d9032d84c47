#!/usr/bin/env bash
# Runs a soak in a pod with a memory limit of 512 MiB, and compares its report with Prometheus' samples.
#
# usage: scripts/cluster/soak.sh [hours]      without: 0.5
#
# It repeats recordings of several lengths and formats. The report is in target/cluster-soak/report.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

hours=${1:-0.5}
folder=${CARGO_TARGET_DIR:-$root/target}/cluster-soak
verbatim=${CARGO_TARGET_DIR:-$root/target}/release/verbatim
rm -rf "$folder"
mkdir -p "$folder/audio" "$folder/report"
cp "$("$verbatim" model show --path)"/samples/*.wav "$folder/audio/"
for format in mulaw-8k.wav mp3.mp3 opus.opus flac.flac aac.m4a vorbis.ogg; do
  cp "$root/inference/fixtures/audio/$format" "$folder/audio/"
done
# The pod's user writes the report.
chown -R 65532:65532 "$folder"

admin delete pod soak --ignore-not-found >/dev/null
admin apply -f - <<END
apiVersion: v1
kind: Pod
# Prometheus discovers workers by this label.
metadata: {name: soak, namespace: default, labels: {verbatim.dev/job: soak}}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: worker
      image: docker.io/library/verbatim-worker:$version
      imagePullPolicy: Never
      args: [soak, /audio, --output, /report, --hours, "$hours", --concurrency, "2", --http, "0.0.0.0:9090"]
      env: [{name: TMPDIR, value: /spool}]
      ports: [{name: http, containerPort: 9090}]
      resources: {requests: {cpu: 100m, memory: 512Mi}, limits: {memory: 512Mi}}
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
      volumeMounts:
        - {name: audio, mountPath: /audio, readOnly: true}
        - {name: report, mountPath: /report}
        - {name: spool, mountPath: /spool}
        - {name: shm, mountPath: /dev/shm}
  volumes:
    - {name: audio, hostPath: {path: $folder/audio}}
    - {name: report, hostPath: {path: $folder/report}}
    - {name: spool, emptyDir: {sizeLimit: 1Gi}}
    - {name: shm, emptyDir: {medium: Memory, sizeLimit: 64Mi}}
END
say "$hours hours: kubectl logs -f soak"
over() { admin get pod soak -o 'jsonpath={.status.phase}' | grep -q -e Succeeded -e Failed; }
# Half an hour more than it takes.
seconds=$(awk -v hours="$hours" 'BEGIN { print int(hours * 3600 + 1800) }')
# shellcheck disable=SC2034 # read by await
patience=$seconds
await "the soak's end" over
admin logs soak --tail 25
admin get pod soak -o 'jsonpath={.status.containerStatuses[0].state.terminated.exitCode} {.status.containerStatuses[0].state.terminated.reason}{"\n"}'
python3 "$root/scripts/cluster/soak_compare.py" "$folder/report" "$prometheus"
