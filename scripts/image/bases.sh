#!/usr/bin/env bash
# Provides the base images of the Dockerfile to buildah. Without a registry it builds Debian's from Debian's
# packages and Rust's from this machine's toolchain, which needs root.
#
# usage: scripts/image/bases.sh [--debian-only]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PATH="$PATH:/usr/sbin:/sbin"
say() { echo "image: $*" >&2; }

argument() { sed -n "s/^ARG $1=//p" "$root/Dockerfile"; }
debian=$(argument DEBIAN)
rust=$(argument RUST)

have() {
  buildah inspect --type image "$1" >/dev/null 2>&1 && return
  timeout 120 buildah pull --quiet "$1" >/dev/null 2>&1
}

make_debian() {
  say "$debian cannot be pulled: building it with debootstrap"
  command -v debootstrap >/dev/null || { say "debootstrap is missing (on Debian: apt-get install debootstrap)" && return 1; }
  local folder container suite
  folder=$(mktemp -d)
  suite=${debian##*:}
  debootstrap --variant=minbase "${suite%-slim}" "$folder/root" >"$folder/log" 2>&1 || {
    tail -n 5 "$folder/log" >&2
    return 1
  }
  rm -rf "$folder"/root/var/cache/apt/* "$folder"/root/var/lib/apt/lists/* "$folder"/root/usr/share/{doc,man,locale,info}/*
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$folder/root" / >/dev/null
  buildah config --cmd bash "$container"
  buildah commit --quiet --rm "$container" "$debian" >/dev/null
  rm -rf "$folder"
}

make_rust() {
  say "$rust cannot be pulled: building it from this machine's toolchain"
  local container sysroot
  sysroot=$(rustc --print sysroot) || return 1
  container=$(buildah from --pull-never "$debian")
  buildah run --isolation chroot --network host "$container" -- sh -c \
    'apt-get -qq update && apt-get -qq install -y --no-install-recommends ca-certificates gcc libc6-dev >/dev/null'
  buildah add --quiet "$container" "$sysroot/bin" /usr/local/bin >/dev/null
  buildah add --quiet "$container" "$sysroot/lib" /usr/local/lib >/dev/null
  buildah config --env CARGO_HOME=/usr/local/cargo "$container"
  buildah commit --quiet --rm "$container" "$rust" >/dev/null
}

have "$debian" || make_debian || { say "failed to get $debian" && exit 1; }
[ "${1:-}" = --debian-only ] || have "$rust" || make_rust || { say "failed to get $rust" && exit 1; }
