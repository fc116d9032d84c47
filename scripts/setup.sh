#!/usr/bin/env bash
# Installs the tools that a bare machine lacks, and is quick when nothing is missing. Concurrent runs wait for
# each other.
#
# usage: scripts/setup.sh [PART]...
#        parts: build (default) deny fuzz promtool versitygw faketime kubernetes helm otelcol dashboard-linter; of a node: node cluster
#        prometheus kube-router
#
# It needs no root: tools come from PyPI (pinned in tools.txt) or are built from Go, into the user's cache;
# the Makefile puts that folder on PATH. Only a missing C compiler and the parts of a node need root.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${VERBATIM_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/verbatim/tools}
export PATH="$tools/bin:$PATH"

say() { echo "setup: $*" >&2; }
die() {
  say "$*"
  exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# Runs a command while no other run of this script does the same: name, command.
alone() {
  local name=$1
  shift
  mkdir -p "$tools"
  (
    flock --nonblock 9 || {
      say "waiting for another run that installs $name"
      flock 9
    }
    "$@" 9>&-
  ) 9>"$tools/.$name.lock"
}

# Without debug information Go compiles the tools with an eighth less processor time. One value for all, so
# that they share its cache. Panics still have line numbers.
export GOFLAGS=-gcflags=all=-dwarf=false CGO_ENABLED=0

# Installs Debian packages as root; for other users it fails with their names.
debian() {
  local missing=$1
  shift
  if [ "$(id -u)" -ne 0 ] || ! has apt-get; then
    die "$missing is missing: install it first (on Debian: apt-get install $*)"
  fi
  say "$missing is missing: installing $*"
  alone Debian apt_install "$@" || die "failed to install $*"
}

apt_install() {
  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >&2
}

# The lines of one package in tools.txt: its version and its digests.
pinned() {
  awk -v name="$1==" 'index($0, name) == 1 { on = 1 } on { print } !/\\$/ { on = 0 }' "$here/tools.txt"
}

# Installs a program from PyPI: package, path of the program in it, its name. Again when the version changes.
# Each command returns by itself, since `set -e` has no effect in a condition (cargo_tool).
from_pypi() {
  local package=$1 program=$2 name=$3 version folder
  version=$(pinned "$package" | sed -n '1s/.*==\([^ ]*\).*/\1/p')
  folder="$tools/$package-$version"
  if [ ! -x "$folder/$program" ]; then
    has python3 && python3 -m pip --version >/dev/null 2>&1 ||
      debian "Python with pip" python3 python3-pip
    say "installing $name $version into $folder"
    rm -rf "$folder.partial"
    mkdir -p "$folder.partial" || return 1
    pinned "$package" >"$folder.partial.txt" || return 1
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --require-hashes --no-deps \
      --only-binary :all: --target "$folder.partial" -r "$folder.partial.txt" >&2 || return 1
    rm -rf "$folder" "$folder.partial.txt"
    mv "$folder.partial" "$folder" || return 1
  fi
  mkdir -p "$tools/bin" || return 1
  ln -sfn "$folder/$program" "$tools/bin/$name" || return 1
}

# Installs a cargo subcommand: prebuilt if there is a wheel for this machine, otherwise from source.
cargo_tool() {
  local name=$1 package=astral-dev-toolchain-$1 version
  from_pypi "$package" "bin/$name" "$name" && return
  version=$(pinned "$package" | sed -n '1s/.*==\([^ ]*\).*/\1/p')
  say "no prebuilt $name for this machine: building it, which takes some minutes"
  cargo install --locked --version "$version" --root "$tools" "$name"
}

# Extracts one file of a Debian package without installing that: package, path in it (a pattern), target,
# mode.
from_debian() { has apt-get && has dpkg-deb && alone Debian extract "$@"; }

extract() {
  local package=$1 file=$2 target=$3 mode=$4 folder result=0
  folder=$(mktemp -d)
  [ "$(id -u)" -ne 0 ] || apt-get -qq update
  say "installing $target"
  # shellcheck disable=SC2086 # the pattern is to be expanded
  (cd "$folder" && apt-get -qq -o APT::Sandbox::User=root download "$package" && dpkg-deb -x "$package"_*.deb . &&
    mkdir -p "$(dirname "$target")" && install -m "$mode" $file "$target") >&2 || result=$?
  rm -rf "$folder"
  return $result
}

# The S3 server of the tests.
versitygw=v1.8.0

get_versitygw() {
  local folder="$tools/versitygw-$versitygw"
  if [ ! -x "$folder/versitygw" ]; then
    has go || return 1
    say "building versitygw $versitygw into $folder, which takes two or three minutes"
    mkdir -p "$folder"
    GOBIN="$folder" go install -trimpath "github.com/versity/versitygw/cmd/versitygw@$versitygw" >&2 || return 1
  fi
  mkdir -p "$tools/bin"
  ln -sfn "$folder/versitygw" "$tools/bin/versitygw"
}

# Prometheus with service discovery for Kubernetes, which Debian's package lacks, and for nothing else. Module
# version v0.316.0 is release 3.16.0.
prometheus=v0.316.0

get_prometheus() {
  local folder="$tools/prometheus-$prometheus"
  if [ ! -x "$folder/prometheus" ]; then
    has go || return 1
    say "building prometheus $prometheus into $folder, which takes three or four minutes"
    mkdir -p "$folder"
    GOBIN="$folder" go install -trimpath -ldflags "-s -w" -tags remove_all_sd,enable_kubernetes_sd,netgo \
      "github.com/prometheus/prometheus/cmd/prometheus@$prometheus" >&2 || return 1
  fi
  mkdir -p "$tools/bin"
  ln -sfn "$folder/prometheus" "$tools/bin/prometheus"
}

# helm installs the chart; helm-docs writes the table of its values.
helm=v3.20.2
helm_docs=v1.14.2

# With the linker flags of its releases: without them it assumes Kubernetes 1.20 when it asks no cluster.
get_helm() {
  local folder="$tools/helm-$helm" at=helm.sh/helm/v3 minor=35 flags
  if [ ! -x "$folder/helm" ]; then
    has go || return 1
    say "building helm $helm into $folder, which takes a minute or two"
    mkdir -p "$folder"
    flags="-s -w -X $at/internal/version.version=$helm"
    for package in pkg/lint/rules pkg/chartutil; do
      flags+=" -X $at/$package.k8sVersionMajor=1 -X $at/$package.k8sVersionMinor=$minor"
    done
    GOBIN="$folder" go install -trimpath -ldflags "$flags" "$at/cmd/helm@$helm" >&2 || return 1
  fi
  mkdir -p "$tools/bin"
  ln -sfn "$folder/helm" "$tools/bin/helm"
}

# The CRDs of the Prometheus operator, which the chart's objects are checked against. Its module is downloaded
# and not built.
prometheus_operator=v0.85.0

get_prometheus_crds() {
  local module=github.com/prometheus-operator/prometheus-operator folder="$tools/prometheus-operator-$prometheus_operator" kind
  if [ ! -e "$folder" ]; then
    has go || return 1
    say "installing the CRDs of the Prometheus operator $prometheus_operator into $folder"
    mkdir -p "$folder.partial"
    printf 'module kinds\n\ngo 1.24\n' >"$folder.partial/go.mod"
    go -C "$folder.partial" mod download "$module@$prometheus_operator" >&2 || return 1
    rm "$folder.partial/go.mod"
    for kind in podmonitors servicemonitors prometheusrules; do
      install -m 644 "$(go env GOMODCACHE)/$module@$prometheus_operator/example/prometheus-operator-crd/monitoring.coreos.com_$kind.yaml" \
        "$folder.partial/$kind.yaml" || return 1
    done
    mv "$folder.partial" "$folder"
  fi
  ln -sfn "$folder" "$tools/prometheus-operator"
}

get_helm_docs() {
  local folder="$tools/helm-docs-$helm_docs"
  if [ ! -x "$folder/helm-docs" ]; then
    has go || return 1
    say "building helm-docs $helm_docs into $folder"
    mkdir -p "$folder"
    GOBIN="$folder" go install -trimpath "github.com/norwoodj/helm-docs/cmd/helm-docs@$helm_docs" >&2 || return 1
  fi
  mkdir -p "$tools/bin"
  ln -sfn "$folder/helm-docs" "$tools/bin/helm-docs"
}

# kube-router enforces network policies on a node, with iptables: kube-network-policies needs a kernel with
# CONFIG_NFT_QUEUE, which small virtual machines lack.
kube_router=v2.1.0

get_kube_router() {
  local folder="$tools/kube-router-$kube_router"
  if [ ! -x "$folder/kube-router" ]; then
    has go || return 1
    say "building kube-router $kube_router into $folder, which takes some minutes"
    mkdir -p "$folder"
    GOBIN="$folder" go install -trimpath -ldflags "-s -w" \
      "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router@$kube_router" >&2 || return 1
  fi
  mkdir -p "$tools/bin"
  ln -sfn "$folder/kube-router" "$tools/bin/kube-router"
}

# FFmpeg's libraries for the engine: built again when the source or the components change.
get_ffmpeg() {
  local folder
  folder="$tools/ffmpeg-$(cat "$here"/ffmpeg/{build.sh,components.txt,Cargo.lock} | sha256sum | cut -c -12)"
  if [ ! -d "$folder" ]; then
    say "building FFmpeg's audio decoders into $folder, which takes one or two minutes"
    if [ "$(uname -m)" = x86_64 ] && ! has nasm; then
      from_debian nasm usr/bin/nasm "$tools/bin/nasm" 755 || true
    fi
    "$here/ffmpeg/build.sh" "$folder" || return 1
  fi
  ln -sfn "$folder" "$tools/ffmpeg"
}

# shellcheck source=scripts/modules.sh
. "$here/modules.sh"

no_kubernetes="NOT CHECKED: failed to build Kubernetes, which needs Go 1.24 or newer (https://go.dev/dl): tests that need it fail"

part() {
  case $1 in
    build)
      has cargo || die "cargo is missing: install Rust first (rustup, or your system's packages)"
      has cc || debian "a C compiler" gcc libc6-dev
      has python3 && python3 -m pip --version >/dev/null 2>&1 || debian "Python with pip" python3 python3-pip
      [ -n "${VERBATIM_FFMPEG:-}" ] || alone ffmpeg get_ffmpeg || die "failed to build FFmpeg"
      ;;
    deny) cargo_tool cargo-deny ;;
    # Checks metrics and alerts. Only the program: Debian's package would start a server.
    promtool)
      has promtool || from_debian prometheus usr/bin/promtool "$tools/bin/promtool" 755 ||
        say "NOT CHECKED: failed to install promtool, metrics and alerts are not checked"
      ;;
    faketime)
      # Shifts the clocks of workers in tests.
      [ -e "$tools/faketime/libfaketimeMT.so.1" ] ||
        from_debian libfaketime 'usr/lib/*/faketime/libfaketimeMT.so.1' "$tools/faketime/libfaketimeMT.so.1" 644 ||
        say "NOT CHECKED: failed to install libfaketime, workers run without shifted clocks"
      ;;
    versitygw) get_versitygw || say "NOT CHECKED: failed to build versitygw, which needs Go (https://go.dev/dl): tests against S3 fail" ;;
    kubernetes)
      get_kubernetes etcd kube-apiserver kube-controller-manager kube-scheduler kubectl || say "$no_kubernetes"
      ;;
    cluster)
      # Debian's part of a node, and what builds its images.
      packages=()
      add() { has "$1" || [ -e "$1" ] || packages+=("$2"); }
      add containerd containerd
      add runc runc
      add /usr/lib/cni/bridge containernetworking-plugins
      add ip iproute2
      add iptables iptables
      add ipset ipset
      add conntrack conntrack
      add socat socat
      add openssl openssl
      add curl curl
      has docker && docker info >/dev/null 2>&1 || has podman || add buildah buildah
      add debootstrap debootstrap
      [ "${#packages[@]}" -eq 0 ] || debian "${packages[0]}" "${packages[@]}"
      ;;
    helm)
      { get_helm && get_helm_docs && get_prometheus_crds; } ||
        say "NOT CHECKED: failed to build helm, which needs Go (https://go.dev/dl): tests of the chart fail"
      ;;
    otelcol)
      get_otelcol ||
        say "NOT CHECKED: failed to build the OpenTelemetry Collector, which needs Go 1.24 or newer (https://go.dev/dl): tests of traces fail"
      ;;
    kube-router) get_kube_router || die "failed to build kube-router, which needs Go (https://go.dev/dl)" ;;
    prometheus) get_prometheus || die "failed to build prometheus, which needs Go (https://go.dev/dl)" ;;
    dashboard-linter)
      get_dashboard_linter ||
        say "NOT CHECKED: failed to build dashboard-linter, which needs Go 1.24 or newer (https://go.dev/dl): dashboards are not linted"
      ;;
    node) get_kubernetes kubelet kube-proxy || say "$no_kubernetes" ;;
    fuzz)
      has c++ || debian "a C++ compiler" g++
      cargo_tool cargo-fuzz
      ;;
    *) die "unknown part: $1" ;;
  esac
}

for wanted in "${@:-build}"; do
  alone "$wanted" part "$wanted" || exit
done
