#!/usr/bin/env bash
# Runs a soak over recordings of several lengths and formats, and writes the report. The recordings are
# generated each time.
#
# usage: scripts/soak.sh VERBATIM [options of `verbatim soak`]      without options: ten minutes
set -euo pipefail

verbatim=$1
shift
soak=${SOAK_DIR:-target/soak}

rm -rf "$soak/audio"
mkdir -p "$soak/audio"
cp "$("$verbatim" model show --path)"/samples/*.wav "$soak/audio/"
for format in mulaw-8k.wav mp3.mp3 opus.opus flac.flac aac.m4a vorbis.ogg; do
  cp "inference/fixtures/audio/$format" "$soak/audio/"
done

[ $# -gt 0 ] || set -- --hours 0.1667
"$verbatim" soak "$soak/audio" -o "$soak/report" "$@"
