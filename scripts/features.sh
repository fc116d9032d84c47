#!/usr/bin/env bash
# Fails if the tests need other features of a library than the build: cargo would compile it twice, with
# everything that depends on it. Missing features go into testing/Cargo.toml.
#
# usage: scripts/features.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Libraries with their features: those of a build of the workspace, or with dev those of its tests.
libraries() {
  cargo tree --quiet --workspace --locked --prefix none --format '{p} [{f}]' --edges "$1" | sed 's/ (\*)$//; /^$/d' | sort -u
}
lists=$(mktemp -d)
trap 'rm -rf "$lists"' EXIT
# Into files, so that a failed cargo ends this script: the status of <(...) is lost.
libraries normal,build >"$lists/build"
libraries normal,build,dev >"$lists/tests"
sed 's/ \[.*/ [/' "$lists/build" | sort -u >"$lists/names"
# Only libraries of the build: the others are compiled once in any case.
different=$(comm -13 "$lists/build" "$lists/tests" | { grep -Ff "$lists/names" || [ $? -eq 1 ]; })
[ -z "$different" ] || {
  printf 'features: compiled twice, since tests need more features (add them to testing/Cargo.toml):\n%s\n' "$different" >&2
  exit 1
}
