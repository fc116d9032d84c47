#!/usr/bin/env bash
# Checks the dependencies: bans, licences and sources always; advisories if their database can be fetched.
#
# usage: scripts/deny.sh
set -euo pipefail

cargo deny --locked check --hide-inclusion-graph bans licenses sources

# A failed fetch is no failure, but it is reported; an advisory is one.
if timeout 60 cargo deny --locked fetch db >/dev/null 2>&1; then
  cargo deny --locked check --hide-inclusion-graph --disable-fetch advisories
else
  echo "deny: ADVISORIES NOT CHECKED: the advisory database cannot be fetched from here" >&2
fi
