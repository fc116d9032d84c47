#!/usr/bin/env bash
# Fuzzes what parses bytes from outside: each libFuzzer target of fuzz/, then the seeded mutations of
# inference/engine/tests/fuzz_decode.rs, which find deep states of known formats sooner. They share the time.
#
# usage: scripts/fuzz.sh SECONDS
#
# Inputs that were new stay in fuzz/corpus (not committed), findings in fuzz/artifacts.
set -euo pipefail

seconds=$1
folder=fuzz
seeds=inference/fixtures/audio
# Sanitizers and coverage are unstable options of the compiler; this lets the stable one take them for fuzz/, so that no
# second toolchain is needed. The product's own build is never made this way.
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
  # 2 GiB and 10 s: a decoder that needs more for a file of 64 KiB is a finding. Leaks are not looked for: the check
  # needs ptrace, which containers often forbid.
  fuzz run --fuzz-dir "$folder" "$target" "$folder/corpus/$target" "$seeds" -- \
    -max_total_time="$share" -rss_limit_mb=2048 -timeout=10 -max_len=65536 -detect_leaks=0 -print_final_stats=1
done

echo "fuzz: seeded mutations for $share s"
VERBATIM_FUZZ_SECONDS=$share cargo test --release --locked --workspace --test fuzz_decode -- --nocapture
