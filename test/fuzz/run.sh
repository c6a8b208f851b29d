#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Builds the fuzzers and runs each of them, two at a time; fails if one finds something:
#
#   test/fuzz/run.sh [seconds for each, 60 unless told]
#
# Starts from the corpus and writes nothing into the tree. What is found lies in findings/ of the build folder, which
# FUZZ_BUILD_DIR names (build-fuzz unless told).
set -euo pipefail

case ${1:-60} in
-h | --help)
    sed -n '3,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
'' | *[!0-9]* | 0*) # zero would be without end for libFuzzer
    printf 'error: not a number of seconds: %s\n' "$1" >&2
    exit 2
    ;;
esac
seconds=${1:-60}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${FUZZ_BUILD_DIR:-$root/build-fuzz}

settings=()
command -v ccache >/dev/null && settings+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
command -v mold >/dev/null && settings+=(-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=mold)
(cd "$root" && cmake --preset fuzz -B "$build" "${settings[@]}") >&2
cmake --build "$build" --parallel "${JOBS:-$(nproc)}" --target fuzzers >&2

findings=$build/findings
mkdir -p "$findings"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# fuzz TARGET DICTIONARY LENGTH
fuzz() {
    local target=$1 dictionary=$2 length=$3
    mkdir "$scratch/$target"
    # New inputs go into the first folder; the second one is only read.
    UBSAN_OPTIONS=print_stacktrace=1 "$build/test/fuzz/fuzz_$target" -max_total_time="$seconds" -max_len="$length" \
        -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 -dict="$root/test/fuzz/$dictionary" \
        -artifact_prefix="$findings/$target-" "$scratch/$target" "$root/test/fuzz/corpus/$target" \
        >"$scratch/$target.log" 2>&1
}

# report TARGET STATUS
report() {
    local target=$1 status=$2 log=$scratch/$1.log executions reached
    if [[ $status -ne 0 ]]; then
        grep -v '^#[0-9]' "$log" | tail -n 60
        printf 'error: fuzz_%s ended with %d; what it found is in %s\n' "$target" "$status" "$findings"
        return 1
    fi
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    reached=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    printf "fuzz_%-12s %12d executions in %d s, %d branches reached\n" "$target" "$executions" "$seconds" "$reached"
}

failed=0
# run_both TARGET DICTIONARY LENGTH TARGET DICTIONARY LENGTH
run_both() {
    local status=0
    fuzz "$1" "$2" "$3" &
    local first=$!
    fuzz "$4" "$5" "$6" &
    local second=$!
    wait "$first" || status=$?
    report "$1" "$status" || failed=1
    status=0
    wait "$second" || status=$?
    report "$4" "$status" || failed=1
}

run_both response http.dict 2048 room json.dict 2048
run_both retry_after date.dict 256 room_id url.dict 1100
exit "$failed"
