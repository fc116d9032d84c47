#!/usr/bin/env bash
# Builds the images verbatim-operator and verbatim-worker with docker, podman or buildah, the first that
# works.
#
# usage: scripts/image/build.sh [--prebuilt] [--accelerator cuda] [--archive FOLDER] [operator] [worker]
#
#   --prebuilt            take the programs of target/release (make build) and compile nothing; for Debian 12 and machines with
#                         a C library that is not newer
#   --accelerator cuda    a worker for NVIDIA's GPUs: verbatim-worker:VERSION-cuda
#   --archive FOLDER      also write each image as FOLDER/NAME.tar, for `ctr images import` or `docker load`, and its bill of
#                         materials (CycloneDX) as FOLDER/NAME.cdx.json
#
# environment: ENGINE=docker|podman|buildah, IMAGE_PREFIX=registry.example/team/, TAG (default: the version),
# SSL_CERT_FILE (certificates that this network's proxy needs; default: the system's)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
release=${CARGO_TARGET_DIR:-$root/target}/release
work=${CARGO_TARGET_DIR:-$root/target}/image
prebuilt='' accelerator=cpu archive='' targets=()
while [ $# -gt 0 ]; do
  case $1 in
    --prebuilt) prebuilt=yes ;;
    --accelerator) accelerator=$2 && shift ;;
    --archive) archive=$2 && shift ;;
    operator | worker) targets+=("$1") ;;
    *)
      sed -n '2,15s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
      exit 2
      ;;
  esac
  shift
done
[ "${#targets[@]}" -gt 0 ] || targets=(operator worker)

say() { echo "image: $*" >&2; }

engine() {
  if [ -n "${ENGINE:-}" ]; then
    echo "$ENGINE"
  elif command -v docker >/dev/null && docker info >/dev/null 2>&1; then
    echo docker
  elif command -v podman >/dev/null; then
    echo podman
  elif command -v buildah >/dev/null; then
    echo buildah
  else
    say "neither docker, podman nor buildah works: install one (on Debian: apt-get install buildah)"
    exit 1
  fi
}
engine=$(engine)

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -1)
tag=${TAG:-$version}
revision=$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)
options=(--build-arg "VERSION=$version" --build-arg "REVISION=$revision" --build-arg "ACCELERATOR=$accelerator")
certificates=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
[ ! -r "$certificates" ] || options+=(--secret "id=ca,src=$certificates")

if [ -n "$prebuilt" ]; then
  mkdir -p "$work"
  for program in verbatim verbatim-operator; do
    [ -x "$release/$program" ] || { say "$release/$program is missing: run make build first" && exit 1; }
    strip -o "$work/$program" "$release/$program"
  done
  # The licence of FFmpeg, which is in the worker.
  ffmpeg=${VERBATIM_FFMPEG:-${VERBATIM_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/verbatim/tools}/ffmpeg}
  mkdir -p "$work/ffmpeg"
  cp "$ffmpeg/LICENSE.md" "$ffmpeg/COPYING.LGPLv2.1" "$root/NOTICE" "$work/ffmpeg/"
  options+=(--build-context "binaries=$work")
fi

case $engine in
  docker) build=(docker build) ;;
  podman) build=(podman build --layers --network host) ;;
  buildah)
    build=(buildah bud --layers --isolation chroot --network host)
    # Base images come from a registry, or are built on this machine.
    "$here/bases.sh" ${prebuilt:+--debian-only}
    ;;
  *) say "ENGINE is docker, podman or buildah, not $engine" && exit 2 ;;
esac

for target in "${targets[@]}"; do
  name=${IMAGE_PREFIX:-}verbatim-$target:$tag
  [ "$target" = operator ] || [ "$accelerator" = cpu ] || name=$name-$accelerator
  say "building $name with $engine"
  "${build[@]}" "${options[@]}" --target "$target" --tag "$name" "$root"
  if [ -n "$archive" ]; then
    mkdir -p "$archive"
    rm -f "$archive/verbatim-$target.tar"
    case $engine in
      docker) docker save --output "$archive/verbatim-$target.tar" "$name" ;;
      podman) podman save --format docker-archive --output "$archive/verbatim-$target.tar" "$name" ;;
      buildah) buildah push --quiet "$name" "docker-archive:$archive/verbatim-$target.tar:docker.io/library/verbatim-$target:${name##*:}" ;;
    esac
    python3 "$here/sbom.py" "$target" "$archive/verbatim-$target.tar" >"$archive/verbatim-$target.cdx.json"
  fi
done
