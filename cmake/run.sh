#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# From a bare Debian 12 to a running demo, or to tested code:
#
#   cmake/run.sh demo [arguments of `roomctl demo`]
#   cmake/run.sh test [arguments of ctest]
#
# Installs what is missing (apt; needs root or sudo the first time), configures and builds in build/, then runs.
# BUILD_DIR names another build folder, JOBS the number of parallel jobs.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/cmake/install_dependencies.sh"

usage() {
    sed -n '3,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit "$1"
}

what=${1:-}
case $what in
demo | test) shift ;;
-h | --help) usage 0 ;;
*) usage 2 >&2 ;;
esac

build=${BUILD_DIR:-$root/build}
jobs=${JOBS:-$(nproc)}

packages=(g++ cmake ninja-build libboost1.81-dev libboost-json1.81-dev libssl-dev libcli11-dev libcsv-dev)
if [[ $what == test ]]; then
    packages+=(doctest-dev nginx-light openssl python3 curl)
    command -v node >/dev/null || packages+=(nodejs)
fi
install_dependencies "${packages[@]}"

# Only a new build folder is told what to leave out: the two commands then take turns without configuring anew.
settings=(-DWATCHERS_ROOMS_BUILD_TOOLS=ON)
if [[ ! -f $build/CMakeCache.txt ]]; then
    settings+=(-DWATCHERS_ROOMS_BUILD_BENCH=OFF -DWATCHERS_ROOMS_BUILD_TESTS=OFF)
fi
if [[ $what == test ]]; then
    settings+=(-DWATCHERS_ROOMS_BUILD_TESTS=ON)
fi
if [[ ${CI:-} == true ]]; then
    settings+=(-DWATCHERS_ROOMS_WERROR=ON)
fi
if command -v ccache >/dev/null; then
    settings+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi
if command -v mold >/dev/null; then
    settings+=(-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=mold)
fi

say "configuring in $build"
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release "${settings[@]}" >&2

case $what in
demo)
    say "building roomctl (the first time takes some minutes)"
    cmake --build "$build" --target roomctl --parallel "$jobs" >&2
    say "roomctl demo $*"
    exec "$build/src/roomctl/roomctl" demo "$@"
    ;;
test)
    say "building the tests (the first time takes some minutes)"
    cmake --build "$build" --parallel "$jobs" >&2
    say "testing"
    exec ctest --test-dir "$build" --output-on-failure --no-tests=error -j2 "$@"
    ;;
esac
