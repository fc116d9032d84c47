#!/usr/bin/env bash
# Builds FFmpeg's libraries from source: decoders of audio, static, without programs, network and protocols.
# The licence of what is built is LGPL 2.1 or later.
#
# usage: scripts/ffmpeg/build.sh FOLDER
#
# FOLDER becomes an installation with include/ and lib/. Needed: cargo, a C compiler, make; on x86-64 also nasm,
# without which decoding takes up to twice the time.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=$(realpath -m "$1")

say() { echo "ffmpeg: $*" >&2; }

# Cargo downloads the package, and checks its digest against Cargo.lock.
package=$(cargo metadata --locked --format-version 1 --manifest-path "$here/Cargo.toml" |
  python3 -c 'import json, sys; print(*(p["manifest_path"] for p in json.load(sys.stdin)["packages"] if p["name"] == "ffmpeg-src"))')
work=$(mktemp -d "${TMPDIR:-/tmp}/ffmpeg.XXXXXX")
trap 'rm -rf "$work"' EXIT
# By Python, because tar needs a program for xz.
python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' \
  "$(dirname "$package")/native/ffmpeg.tar.xz" "$work"
cd "$work"/*/

options=(
  --disable-everything --disable-autodetect --disable-programs --disable-doc --disable-network --disable-debug
  --disable-avdevice --disable-avfilter --disable-swscale
  --enable-pic --enable-static --disable-shared "--prefix=$target.partial"
)
while read -r kind name; do
  case $kind in demuxer | decoder | parser) options+=("--enable-$kind=$name") ;; esac
done <"$here/components.txt"
if [ "$(uname -m)" = x86_64 ] && ! command -v nasm >/dev/null; then
  say "nasm is missing: decoding will take up to twice the time (on Debian: apt-get install nasm)"
  options+=(--disable-x86asm)
fi

log=$work/log
run() { "$@" >"$log" 2>&1 || { tail -n 30 "$log" >&2; say "failed: $1"; exit 1; }; }
rm -rf "$target.partial"
run ./configure "${options[@]}"
grep -qx 'License: LGPL version 2.1 or later' "$log" || { say "the licence is another one"; exit 1; }
run make -j"$(nproc)"
run make install-libs install-headers
# What the licences ask to be handed on beside the libraries.
cp LICENSE.md COPYING.LGPLv2.1 "$target.partial/"
rm -rf "$target"
mv "$target.partial" "$target"
