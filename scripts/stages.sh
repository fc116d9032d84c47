#!/usr/bin/env bash
# Runs stages one after another, even if one fails, and prints a table of results and the number of tests.
#
# usage: scripts/stages.sh test|gate
#
# A stage is a target of the Makefile. Tools written in Go are built in the background; a stage waits for
# those that it needs (scripts/setup.sh). A stage of tests that ran none fails, unless its log says that it
# could not (NOT CHECKED). The exit status is 1 if a stage failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

tests=(test-rust test-node test-python test-alerts)
tools=(versitygw kubernetes helm otelcol)
case ${1:-} in
  test) stages=("${tests[@]}") ;;
  gate)
    # The libFuzzer target (make fuzz) compiles every dependency again with sanitizers: too long for the gate.
    stages=(setup fmt-check deny lint "${tests[@]}" check-generated fuzz-mutations)
    tools=(helm dashboard-linter "${tools[@]}")
    ;;
  *)
    sed -n '4p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
[ "$(id -u)" -ne 0 ] || tools+=(node prometheus kube-router)

logs=$(mktemp -d) || exit
# At lower priority than the stages.
setsid nice scripts/setup.sh "${tools[@]}" >"$logs/tools" 2>&1 &
background=$!
trap 'kill -- "-$background" 2>/dev/null; rm -rf "$logs"' EXIT

# Passed, failed and skipped tests in a log: from the closing lines of cargo (`test result: ok. 3 passed; 1
# failed; 2 ignored; ...`) and of Python's unittest (`Ran 9 tests in 0.1s`, `FAILED (failures=1, errors=1,
# skipped=1)`), and promtool's line for each file.
count() {
  awk '
    /^test result:/ { passed += $4; failed += $6; skipped += $8 }
    /^Ran [0-9]+ tests? in/ { passed += $2 }
    /^(OK|FAILED) \(/ {
      line = $0
      while (match(line, /(failures|errors|skipped)=[0-9]+/)) {
        split(substr(line, RSTART, RLENGTH), part, "=")
        passed -= part[2]
        if (part[1] == "skipped") skipped += part[2]; else failed += part[2]
        line = substr(line, RSTART + RLENGTH)
      }
    }
    /^  SUCCESS$/ { passed++ }
    /^  FAILED:$/ { failed++ }
    END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }
  ' "$@"
}

table=() logged=() status=0 start=$SECONDS
for stage in "${stages[@]}"; do
  begun=$SECONDS result=ok counted=
  printf '\n==== %d of %d: %s\n' $((${#table[@]} + 1)) ${#stages[@]} "$stage"
  make --no-print-directory "$stage" 2>&1 | tee "$logs/$stage"
  [ "${PIPESTATUS[0]}" -eq 0 ] || result=FAILED
  case $stage in
    # Fuzzing is a test of test-rust with more time: not counted twice.
    test-*)
      logged+=("$logs/$stage") counted=$(count "$logs/$stage")
      case $counted in
        "0 passed, 0 failed, "*) grep -q 'NOT CHECKED' "$logs/$stage" || result=FAILED ;;
      esac
      ;;
  esac
  [ "$result" = ok ] || status=1
  printf '==== %s: %s in %d s\n' "$stage" "$result" $((SECONDS - begun))
  table+=("$(printf '%-16s %-7s %5d s  %s' "$stage" "$result" $((SECONDS - begun)) "$counted")")
done

printf '\n==== stages\n'
printf '%s\n' "${table[@]}"
printf '%-16s %-7s %5d s\n' total "" $((SECONDS - start))
grep -h 'NOT CHECKED' "$logs"/* | sort -u
echo "tests: $(count "${logged[@]}")"
exit "$status"
