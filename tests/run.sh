#!/bin/sh
# Installs what the tests need, where it may, and runs all of them. Arguments go to cargo test:
#     sh tests/run.sh --test install_sh
# --prepare only installs. --other-gits runs the tests that run git once more, with each further git
# of this machine: /usr/bin/git, /usr/local/bin/git, those on the PATH, and those that TEST_GITS
# names, separated by colons.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd -- "$root"

# Each program and the Debian package it is in. Without git, cc and Rust nothing runs; without one
# of the others the tests that use it are skipped and say so.
required='git:git cc:gcc'
optional='age:age git-lfs:git-lfs strace:strace unshare:util-linux gzip:gzip curl:curl
chromium:chromium chromedriver:chromium-driver node:nodejs npm:npm'

have() {
    command -v "$1" >/dev/null 2>&1
}

# The packages of those programs that are missing.
packages() {
    for pair; do
        have "${pair%%:*}" || printf '%s ' "${pair#*:}"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    have apt-get && { [ "$(id -u)" = 0 ] || { have sudo && sudo -n true 2>/dev/null; }; }
}

# shellcheck disable=SC2086  # The lists are words.
missing=$(packages $required $optional)
if [ -n "$missing" ] && may_install; then
    case " $missing " in *' gcc '*) missing="$missing libc6-dev" ;; esac
    printf 'installing what the tests need: %s\n' "$missing"
    # shellcheck disable=SC2086
    as_root apt-get update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -qq -y --no-install-recommends $missing >/dev/null ||
        printf 'warning: apt-get could not install all of them\n' >&2
fi

# shellcheck source=install/needs.sh
. "$root/install/needs.sh"
check_needs "$root" || exit 1
for pair in $optional; do
    have "${pair%%:*}" ||
        printf 'note: %s is missing: the tests that need it are skipped\n' "${pair%%:*}" >&2
done

if have node && have npm; then
    sh tests/oidc_provider/install.sh ||
        printf 'warning: npm could not install the OpenID provider of the tests\n' >&2
fi

# The gits of other versions than the one that comes first, each version once.
other_gits() {
    seen="|$(git version)|"
    IFS=:
    for git in /usr/bin/git /usr/local/bin/git $(printf %s "$PATH" | sed 's|:|/git:|g; s|$|/git|') \
        ${TEST_GITS:-}; do
        case $git in /*) ;; *) continue ;; esac
        version=$("$git" version 2>/dev/null) || continue
        # Those would read the machine's own configuration in place of the tests'.
        case $version in *' '[01].* | *' '2.[0-9].* | *' '2.[12][0-9].* | *' '2.3[01].*) continue ;; esac
        case $seen in *"|$version|"*) continue ;; esac
        seen="$seen$version|"
        printf '%s\n' "$git"
    done
    unset IFS
}

# `--test NAME` for each test program that runs git.
that_run_git() {
    grep -lE '\.git\(|git_in\(|git_quietly\(|"git"|git (clone|fetch|pull|push)' tests/*.rs tests/*/*.rs |
        sed -e 's|^tests/||' -e 's|/.*||' -e 's|\.rs$||' |
        grep -vxE 'common|support|benchmarks' | sort -u | sed 's/^/--test /'
}

# Much of a test is waiting for other processes.
RUST_TEST_THREADS=${RUST_TEST_THREADS:-4}
export RUST_TEST_THREADS
case ${1:-} in
    --prepare) ;;
    --other-gits)
        shift
        other_gits | while IFS= read -r git; do
            printf 'with %s, %s\n' "$git" "$("$git" version)"
            # shellcheck disable=SC2046  # The list is words.
            TEST_GIT=$git cargo test --locked $(that_run_git) "$@" </dev/null
        done
        ;;
    *) exec cargo test --locked --workspace "$@" ;;
esac
