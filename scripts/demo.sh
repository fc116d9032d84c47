#!/usr/bin/env bash
# Transcribes the two recordings of the model's package with the manifest deploy/samples/demo.yaml.
#
# usage: scripts/demo.sh VERBATIM
set -euo pipefail

verbatim=$1
demo=target/demo

# Removed first: a second run would skip the transcripts that exist, and show no speed.
rm -rf "$demo"
mkdir -p "$demo/audio"
cp "$("$verbatim" model show --path)"/samples/*.wav "$demo/audio/"

"$verbatim" run -f deploy/samples/demo.yaml

for transcript in "$demo"/transcripts/*.txt; do
  echo
  echo "== $(basename "$transcript" .txt)"
  cat "$transcript"
done
echo
echo "Transcripts as JSON, SRT, VTT and text are in $demo/transcripts."
