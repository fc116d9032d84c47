#!/usr/bin/env bash
# Fails where a build and its tests ask different features of a library: cargo would compile it, and all that is built on it,
# twice. What is missing belongs to testing/Cargo.toml.
#
# usage: scripts/features.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Each library with its features, as a build of the workspace has it; or, with dev, as the tests have it.
libraries() {
  cargo tree --quiet --workspace --locked --prefix none --format '{p} [{f}]' --edges "$1" | sed 's/ (\*)$//; /^$/d' | sort -u
}
# Of the libraries of a build alone: other ones are compiled once.
different=$(comm -13 <(libraries normal,build) <(libraries normal,build,dev) |
  grep -Ff <(libraries normal,build | sed 's/ \[.*/ [/' | sort -u) || true)
[ -z "$different" ] || {
  printf 'features: compiled twice, since tests ask more of them (say so in testing/Cargo.toml):\n%s\n' "$different" >&2
  exit 1
}
