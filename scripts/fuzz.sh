#!/usr/bin/env bash
# Fuzzes the parsers of untrusted bytes: each libFuzzer target of fuzz/, then the seeded mutations of
# inference/engine/tests/fuzz_decode.rs, which reach deep states of known formats sooner. All share the time.
#
# usage: scripts/fuzz.sh SECONDS
#
# New inputs are kept in fuzz/corpus (not committed), findings in fuzz/artifacts.
set -euo pipefail

seconds=$1
folder=fuzz
seeds=inference/fixtures/audio
# Sanitizers and coverage are unstable options: this allows them in the stable compiler for fuzz/, so that no
# second toolchain is needed. Released programs are never built this way.
fuzz() { RUSTC_BOOTSTRAP=1 cargo fuzz "$@"; }

mapfile -t targets < <(fuzz list --fuzz-dir "$folder")
[ "${#targets[@]}" -gt 0 ] || {
  echo "fuzz: no targets in $folder" >&2
  exit 1
}
share=$((seconds / (${#targets[@]} + 1)))

for target in "${targets[@]}"; do
  echo "fuzz: $target for $share s"
  mkdir -p "$folder/corpus/$target"
  # 2 GiB and 10 s: a decoder that needs more for a file of 64 KiB is a finding. Without the leak check: it
  # needs ptrace, which containers often forbid.
  fuzz run --fuzz-dir "$folder" "$target" "$folder/corpus/$target" "$seeds" -- \
    -max_total_time="$share" -rss_limit_mb=2048 -timeout=10 -max_len=65536 -detect_leaks=0 -print_final_stats=1
done

echo "fuzz: seeded mutations for $share s"
VERBATIM_FUZZ_SECONDS=$share cargo test --release --locked --workspace --test fuzz_decode -- --nocapture
