# shellcheck shell=sh
# Looks for what it takes to build: git, a C compiler that can link, and Rust. For install.sh,
# tour.sh and tests/run.sh, which read it in; $1 of `check_needs` is the repository.

# The command that installs these things on this machine: git, cc or libc.
install_command() {
    packages=''
    if command -v apt-get >/dev/null 2>&1; then
        install='apt-get install' libc=libc6-dev
    elif command -v apk >/dev/null 2>&1; then
        install='apk add' libc=musl-dev
    elif command -v dnf >/dev/null 2>&1; then
        install='dnf install' libc=glibc-devel
    elif command -v zypper >/dev/null 2>&1; then
        install='zypper install' libc=glibc-devel
    elif command -v pacman >/dev/null 2>&1; then
        install='pacman -S' libc=glibc
    else
        install='' libc='the headers of the C library'
    fi
    for thing; do
        case $thing in
            git) packages="$packages git" ;;
            cc) packages="$packages gcc $libc" ;;
            libc) packages="$packages $libc" ;;
        esac
    done
    [ -n "$install" ] || {
        printf 'install with the package manager of this machine:%s\n' "$packages"
        return
    }
    if [ "$(id -u)" != 0 ]; then install="sudo $install"; fi
    printf '%s%s\n' "$install" "$packages"
}

# Whether a C program can be compiled and linked.
can_link() {
    trial=$(mktemp -d) || return
    printf '#include <stdlib.h>\nint main(void) { return 0; }\n' >"$trial/trial.c"
    linked=0
    cc -o "$trial/trial" "$trial/trial.c" >/dev/null 2>&1 || linked=1
    rm -rf -- "$trial"
    return "$linked"
}

# Says everything that is missing, and how to get it; fails if anything is.
check_needs() {
    # rustup's usual place, which a script's PATH often lacks.
    if ! command -v cargo >/dev/null 2>&1 && [ -x "${CARGO_HOME:-${HOME:-}/.cargo}/bin/cargo" ]; then
        PATH=${CARGO_HOME:-${HOME:-}/.cargo}/bin:$PATH
    fi
    lacking='' ready=0
    command -v git >/dev/null 2>&1 || {
        printf 'error: git is missing\n' >&2
        lacking=git
    }
    if ! command -v cc >/dev/null 2>&1; then
        printf 'error: a C compiler is missing (cc), with which Rust links\n' >&2
        lacking="$lacking cc"
    elif ! can_link; then
        printf 'error: the C compiler (cc) builds no program: the headers of the C library are missing, perhaps\n' >&2
        lacking="$lacking libc"
    fi
    if [ -n "$lacking" ]; then
        # shellcheck disable=SC2086  # The list is words.
        printf 'hint: %s\n' "$(install_command $lacking)" >&2
        ready=1
    fi
    least=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$1/Cargo.toml")
    # From the repository, so that the toolchain it names is the one that is asked.
    if ! command -v cargo >/dev/null 2>&1; then
        printf 'error: cargo is missing, with which Rust builds\nhint: install Rust %s or newer from https://rustup.rs\n' \
            "$least" >&2
        ready=1
    elif ! version=$(cd -- "$1" && rustc --version 2>&1); then
        printf 'error: rustc does not run: %s\nhint: install Rust %s or newer from https://rustup.rs\n' \
            "$version" "$least" >&2
        ready=1
    elif is_older "${version#rustc }" "$least"; then
        printf 'error: %s is too old, Rust %s or newer is needed\n' "${version%% (*}" "$least" >&2
        if command -v rustup >/dev/null 2>&1; then
            printf 'hint: rustup update stable\n' >&2
        else
            printf 'hint: install a newer Rust from https://rustup.rs, and put ~/.cargo/bin first on the PATH\n' >&2
        fi
        ready=1
    fi
    return "$ready"
}

# Whether one version is before another, of which two numbers count.
is_older() {
    major=${1%%.*} rest=${1#*.} least_major=${2%%.*} least_rest=${2#*.}
    minor=${rest%%[!0-9]*} least_minor=${least_rest%%[!0-9]*}
    [ "$major" -lt "$least_major" ] || { [ "$major" -eq "$least_major" ] && [ "$minor" -lt "$least_minor" ]; }
}
