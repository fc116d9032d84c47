#!/usr/bin/env bash
# Fuzzes every target for its share of the time, over a corpus that starts from the committed seeds.
#
# usage: scripts/fuzz.sh SECONDS
set -euo pipefail

seconds=$1
folder=fuzz
# Sanitizers and coverage are unstable options of the compiler; this lets the stable one take them, so that no second
# toolchain is needed.
export RUSTC_BOOTSTRAP=1

mapfile -t targets < <(cargo fuzz list --fuzz-dir "$folder")
[ "${#targets[@]}" -gt 0 ] || {
  echo "fuzz: no targets in $folder" >&2
  exit 1
}
share=$((seconds / ${#targets[@]}))
for target in "${targets[@]}"; do
  echo "fuzz: $target for $share s"
  corpus="$folder/corpus/$target"
  mkdir -p "$corpus"
  seeds=()
  [ -d "$folder/seeds/$target" ] && seeds=("$folder/seeds/$target")
  # 2 GiB and 10 s: a decoder that needs more for a small file is a finding.
  cargo fuzz run --fuzz-dir "$folder" "$target" "$corpus" "${seeds[@]}" -- \
    -max_total_time="$share" -rss_limit_mb=2048 -timeout=10 -max_len=65536 -print_final_stats=1
done
