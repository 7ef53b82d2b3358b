#!/bin/sh
# Installs git-credential-ona-azure, and sets git up to ask it. Run again at will.
set -eu

name=git-credential-ona-azure

usage() {
    cat <<'EOF'
usage: install.sh [--prefix DIR] [--system] [--binary FILE] [--no-setup-git]
       install.sh --uninstall [--prefix DIR] [--system] [--no-setup-git]

Builds git-credential-ona-azure, puts it into DIR/bin and runs
`git-credential-ona-azure setup-git`, so that git asks it for the credentials
of Azure DevOps. A second run changes only what differs.

  --prefix DIR     install below DIR (default: ~/.local, with --system: /usr/local)
  --system         for all users: git's system configuration instead of your own
  --binary FILE    install this program instead of building one with cargo
  --no-setup-git   leave git's configuration alone
  --uninstall      undo the git configuration and remove the program; sign-ins stay
  --help           print this

examples:
  ./install/install.sh
  ./install/install.sh --binary ./git-credential-ona-azure --system
EOF
}

say() {
    printf '%s\n' "$*"
}

fail() { # what happened, what to do
    printf 'error: %s\n' "$1" >&2
    if [ $# -gt 1 ]; then
        printf 'hint: %s\n' "$2" >&2
    fi
    exit 1
}

misused() {
    printf 'error: %s\n' "$1" >&2
    usage >&2
    exit 2
}

# Both may be relative to where we were started; what is written down must not be.
absolute() {
    case $1 in
        /*) printf '%s\n' "$1" ;;
        *) printf '%s/%s\n' "$PWD" "$1" ;;
    esac
}

prefix='' binary='' scope=--global setup=yes action=install
while [ $# -gt 0 ]; do
    option=$1
    shift
    case $option in
        --prefix=* | --binary=*)
            value=${option#*=}
            option=${option%%=*}
            ;;
        --prefix | --binary)
            [ $# -gt 0 ] || misused "$option needs a value"
            value=$1
            shift
            ;;
        *) value='' ;;
    esac
    case $option in
        --prefix | --binary) [ -n "$value" ] || misused "$option needs a value" ;;
    esac
    case $option in
        --prefix) prefix=$(absolute "$value") ;;
        --binary) binary=$(absolute "$value") ;;
        --system) scope=--system ;;
        --no-setup-git) setup=no ;;
        --uninstall) action=uninstall ;;
        -h | --help)
            usage
            exit 0
            ;;
        *) misused "unknown option: $option" ;;
    esac
done

if [ -z "$prefix" ]; then
    if [ "$scope" = --system ]; then
        prefix=/usr/local
    elif [ -n "${HOME:-}" ]; then
        prefix=$HOME/.local
    else
        fail "HOME is not set" "set it, or say where to install with --prefix DIR"
    fi
fi
bin=${prefix%/}/bin
installed=$bin/$name

# What is to be thrown away, however we end.
scratch='' staged=''
clean_up() {
    if [ -n "$staged" ]; then rm -f -- "$staged"; fi
    if [ -n "$scratch" ]; then rm -rf -- "$scratch"; fi
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Builds into a place of its own: cargo would leave its records in the prefix.
build() {
    here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
    source=$(dirname -- "$here")
    [ -f "$source/Cargo.toml" ] || fail "there is nothing to build in $source" \
        "run install.sh from a checkout, or give a built program with --binary FILE"
    # shellcheck source=install/needs.sh
    . "$source/install/needs.sh"
    check_needs "$source" || fail "$name cannot be built without that" \
        "install it as said above, or give a built program with --binary FILE"
    scratch=$(mktemp -d)
    say "building $name from $source"
    # From the directory, so that the toolchain it names is the one used.
    (cd -- "$source" && cargo install --locked --no-track --quiet --path "$source" --root "$scratch") ||
        fail "cargo could not build $name" "see its messages above"
    binary=$scratch/bin/$name
}

# Replaces the program in one step: git may be running the old one right now.
put() {
    if [ -f "$installed" ] && [ -x "$installed" ] && cmp -s -- "$binary" "$installed"; then
        say "$installed is unchanged"
        return
    fi
    [ ! -d "$installed" ] || fail "$installed is a directory" "remove it, or choose another --prefix"
    mkdir -p -- "$bin" || fail "cannot make $bin" "choose another place with --prefix DIR"
    staged=$(mktemp "$bin/.$name.XXXXXX") ||
        fail "cannot write to $bin" "choose another place with --prefix DIR, or run as its owner"
    cp -- "$binary" "$staged" || fail "cannot copy $binary to $bin"
    chmod 0755 "$staged"
    was=installed
    if [ -e "$installed" ]; then was=replaced; fi
    mv -f -- "$staged" "$installed" || fail "cannot replace $installed"
    staged=''
    say "$was $installed"
}

# The shell expands the variables in what it is told to add.
# shellcheck disable=SC2016
check_path() {
    case :${PATH:-}: in
        *:"$bin":*) ;;
        *)
            say "$bin is not on the PATH; git finds the program all the same. For your shell, add to ~/.profile:"
            printf '    export PATH="%s:$PATH"\n' "$bin"
            return
            ;;
    esac
    found=$(command -v "$name" 2>/dev/null) || return 0
    if [ "$found" != "$installed" ] && ! [ "$found" -ef "$installed" ]; then
        say "note: $found comes first on the PATH; your shell runs that one"
    fi
}

set_up() {
    if [ "$setup" = no ]; then
        say "git's configuration is left alone; later: $installed setup-git $scope"
        return 0
    fi
    "$installed" setup-git "$scope" || {
        code=$?
        printf 'error: %s is installed, but setup-git did not finish (exit %s)\n' "$installed" "$code" >&2
        printf 'hint: follow its message above, then run: %s setup-git %s\n' "$installed" "$scope" >&2
        return "$code"
    }
}

install() {
    if [ -z "$binary" ]; then
        build
    fi
    [ -f "$binary" ] || fail "$binary is not a file"
    # What is put in place of a working program has to be one.
    case $("$binary" --version 2>/dev/null </dev/null) in
        "$name "*) ;;
        *) fail "$binary is not $name, or does not run on this machine" "build one for it: leave out --binary" ;;
    esac
    put
    check_path
    set_up
}

say_where_sign_ins_are() {
    if [ -n "${ONA_AZURE_STATE_DIR:-}" ]; then
        state=$ONA_AZURE_STATE_DIR
    elif [ -n "${XDG_STATE_HOME:-}" ]; then
        state=$XDG_STATE_HOME/$name
    else
        state=${HOME:-}/.local/state/$name
    fi
    if [ -d "$state" ]; then
        say "sign-ins and tokens are kept in $state; to remove them too:"
        quoted=$(printf '%s\n' "$state" | sed "s/'/'\\\\''/g")
        say "    rm -r -- '$quoted'"
    fi
}

uninstall() {
    if [ ! -e "$installed" ]; then
        say "$installed is not installed"
    else
        # Only the program knows what it wrote; so without that, it stays.
        if [ "$setup" = yes ]; then
            "$installed" setup-git "$scope" --undo ||
                fail "git's configuration could not be undone, so $installed stays" \
                    "mend what it says above, or leave the configuration as it is with --no-setup-git"
        fi
        rm -f -- "$installed" || fail "cannot remove $installed"
        say "removed $installed"
        # A directory that was made for it, and holds nothing else.
        if [ "$scope" != --system ]; then
            rmdir -- "$bin" 2>/dev/null && rmdir -- "$prefix" 2>/dev/null || :
        fi
    fi
    say_where_sign_ins_are
}

"$action"
