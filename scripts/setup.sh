#!/usr/bin/env bash
# Installs what a bare machine lacks, says what it does, and is quick when nothing is missing.
#
# usage: scripts/setup.sh [build] [deny] [fuzz] [promtool] [versitygw] [faketime]      without arguments: build
#
# Root is not needed: tools come from PyPI (pinned in tools.txt) into the user's cache, and the Makefile puts that
# folder on PATH. Only a missing C compiler takes root, because no package of Python's index carries one.
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

# Debian packages, for root; anyone else is told what is missing.
debian() {
  local missing=$1
  shift
  if [ "$(id -u)" -ne 0 ] || ! has apt-get; then
    die "$missing is missing: install it first (on Debian: apt-get install $*)"
  fi
  say "$missing is missing: installing $*"
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >&2
}

# The lines of one package in tools.txt: its version and its digests.
locked() {
  awk -v name="$1==" 'index($0, name) == 1 { on = 1 } on { print } !/\\$/ { on = 0 }' "$here/tools.txt"
}

# A program from PyPI: package, the program's place in it, and its name. Installed anew when its version changes.
from_pypi() {
  local package=$1 program=$2 name=$3 version folder
  version=$(locked "$package" | sed -n '1s/.*==\([^ ]*\).*/\1/p')
  folder="$tools/$package-$version"
  if [ ! -x "$folder/$program" ]; then
    has python3 && python3 -m pip --version >/dev/null 2>&1 ||
      debian "Python with pip" python3 python3-pip
    say "installing $name $version into $folder"
    rm -rf "$folder.partial"
    mkdir -p "$folder.partial" "$tools/bin"
    locked "$package" >"$folder.partial.txt"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --require-hashes --no-deps \
      --only-binary :all: --target "$folder.partial" -r "$folder.partial.txt" >&2 || return 1
    rm -rf "$folder" "$folder.partial.txt"
    mv "$folder.partial" "$folder"
  fi
  ln -sfn "$folder/$program" "$tools/bin/$name"
}

# A cargo subcommand: prebuilt where there is a wheel for this machine, otherwise from source.
cargo_tool() {
  local name=$1 package=astral-dev-toolchain-$1 version
  from_pypi "$package" "bin/$name" "$name" && return
  version=$(locked "$package" | sed -n '1s/.*==\([^ ]*\).*/\1/p')
  say "no prebuilt $name for this machine: building it, which takes some minutes"
  cargo install --locked --version "$version" --root "$tools" "$name"
}

get_promtool() {
  local folder
  has apt-get && has dpkg-deb || return 1
  folder=$(mktemp -d)
  [ "$(id -u)" -ne 0 ] || apt-get -qq update
  say "installing promtool into $tools/bin"
  (cd "$folder" && apt-get -qq download prometheus && dpkg-deb -x prometheus_*.deb .) >&2 &&
    mkdir -p "$tools/bin" && install -m 755 "$folder/usr/bin/promtool" "$tools/bin/promtool"
  local result=$?
  rm -rf "$folder"
  return $result
}

# Sets the clocks of processes off. Only the library is taken out of Debian's package.
get_faketime() {
  local folder
  has apt-get && has dpkg-deb || return 1
  folder=$(mktemp -d)
  [ "$(id -u)" -ne 0 ] || apt-get -qq update
  say "installing libfaketime into $tools/faketime"
  (cd "$folder" && apt-get -qq download libfaketime && dpkg-deb -x libfaketime_*.deb .) >&2 &&
    mkdir -p "$tools/faketime" && install -m 644 "$folder"/usr/lib/*/faketime/libfaketimeMT.so.1 "$tools/faketime/"
  local result=$?
  rm -rf "$folder"
  return $result
}

# A real S3 server for tests, of this version.
versitygw=v1.8.0

get_versitygw() {
  local folder="$tools/versitygw-$versitygw"
  if [ ! -x "$folder/versitygw" ]; then
    has go || return 1
    say "building versitygw $versitygw into $folder, which takes two or three minutes"
    mkdir -p "$folder"
    GOBIN="$folder" CGO_ENABLED=0 go install -trimpath "github.com/versity/versitygw/cmd/versitygw@$versitygw" >&2 || return 1
  fi
  mkdir -p "$tools/bin"
  ln -sfn "$folder/versitygw" "$tools/bin/versitygw"
}

for wanted in "${@:-build}"; do
  case $wanted in
    build)
      has cargo || die "cargo is missing: install Rust first (rustup, or your system's packages)"
      has cc || debian "a C compiler" gcc libc6-dev
      has python3 && python3 -m pip --version >/dev/null 2>&1 || debian "Python with pip" python3 python3-pip
      # libopus is built from the source inside its crate, with cmake.
      has cmake || from_pypi cmake cmake/data/bin/cmake cmake
      ;;
    deny) cargo_tool cargo-deny ;;
    # Checks our metrics. Debian's package would start a server: only the program is taken out of it.
    promtool) has promtool || get_promtool || say "NOT CHECKED: promtool cannot be had here, metrics go without its check" ;;
    faketime)
      [ -e "$tools/faketime/libfaketimeMT.so.1" ] || get_faketime ||
        say "NOT CHECKED: libfaketime cannot be had here, workers' clocks go right"
      ;;
    versitygw) get_versitygw || say "NOT CHECKED: versitygw cannot be built here without Go (https://go.dev/dl), the tests against S3 fail" ;;
    fuzz)
      has c++ || debian "a C++ compiler" g++
      cargo_tool cargo-fuzz
      ;;
    *) die "unknown part: $wanted" ;;
  esac
done
