# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash
# Sourced by cmake/run.sh and .ci/run: installs Debian packages, asking the network only when one is missing.

say() { printf '\n== %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "installing packages needs root or sudo; as root: apt-get install ${missing[*]-}"
    fi
}

is_installed() { [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# install_dependencies PACKAGE...
install_dependencies() {
    command -v apt-get >/dev/null || die "this script installs with apt-get; elsewhere install the README's dependencies and use CMakePresets.json"

    local package missing=()
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0

    say "installing: ${missing[*]}"
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -qq)
    as_root "${apt[@]}" update
    as_root "${apt[@]}" install --yes --no-install-recommends "${missing[@]}" >/dev/null

    # The tests start an nginx of their own; the one which Debian starts by itself would sit on port 80.
    if [[ " ${missing[*]} " == *" nginx-light "* && -d /run/systemd/system ]]; then
        as_root systemctl disable --now --quiet nginx
    fi
}
