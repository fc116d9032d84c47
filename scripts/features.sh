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
# Only libraries of the build: the others are compiled once in any case.
different=$(comm -13 <(libraries normal,build) <(libraries normal,build,dev) |
  grep -Ff <(libraries normal,build | sed 's/ \[.*/ [/' | sort -u) || true)
[ -z "$different" ] || {
  printf 'features: compiled twice, since tests need more features (add them to testing/Cargo.toml):\n%s\n' "$different" >&2
  exit 1
}
