#!/usr/bin/env bash
# Transcribes the two recordings that come with the model's package, as deploy/samples/demo.yaml says.
#
# usage: scripts/demo.sh VERBATIM
set -euo pipefail

verbatim=$1
demo=target/demo

# Made anew each time: a second run would find its transcripts done, skip them, and have no speed to show.
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
echo "The transcripts, as JSON, SRT, VTT and text, are in $demo/transcripts."
