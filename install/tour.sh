#!/bin/sh
# Shows the main job of git-credential-ona-azure, step by step, with nothing but Rust and git.
#
# Builds the program and stand-ins for Microsoft Entra ID and Azure DevOps, which answer under the
# real names but only on this machine, and runs the real program and the real git against them in a
# home directory of their own. Nothing outside of that directory is touched, and it is removed at
# the end. Every step looks at what came out; the first one that is not right ends the tour.
set -eu

# The width of the output; longer lines are wrapped.
columns=96

bin=''
case ${1:-} in
    '') ;;
    # How it calls itself, once all is built: with where the programs are.
    --built) bin=${2:?} ;;
    *)
        printf 'usage: sh install/tour.sh\n' >&2
        [ "$1" = --help ] && exit 0
        exit 2
        ;;
esac

# ---- What the tour is made of ---------------------------------------------------------------

step=0 title='starting' shown='' code=0 dir='' ticker='' standins_pid=''

say() {
    printf '%s\n' "$*"
}

clean_up() {
    for process in $ticker $standins_pid; do
        kill "$process" 2>/dev/null || :
        wait "$process" 2>/dev/null || :
    done
    ticker='' standins_pid=''
    if [ -n "$dir" ]; then rm -rf -- "$dir"; fi
    dir=''
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Ends the tour: what was to come, and what came.
fail() {
    {
        printf '\nTHE TOUR FAILED at step %s (%s)\n' "$step" "$title"
        if [ -n "$shown" ]; then printf '  command:  %s\n' "$shown"; fi
        printf '  expected: %s\n' "$1"
        if [ -n "$shown" ]; then
            printf '  it ended with exit code %s and this output:\n' "$code"
            sed 's/^/  | /' "$dir/output"
        fi
        if [ -n "$dir" ] && grep -qv '^200 ' "$dir/standins/browser.log" 2>/dev/null; then
            printf '  the browser reports:\n'
            sed 's/^/  | /' "$dir/standins/browser.log"
        fi
    } >&2
    exit 1
}

# A step begins: its title, and what is about to be seen.
begin() {
    step=$((step + 1))
    title=$1
    shift
    printf '\n%s. %s\n' "$step" "$title"
    for line; do
        printf '   %s\n' "$line"
    done
    printf '\n'
}

# Runs a command as it is shown, and shows what it prints.
run() {
    shown=$1 code=0
    printf '%s\n' "$shown" | sed -e '1s/^/   $ /' -e '2,$s/^/     /'
    (eval "$shown") >"$dir/output" 2>&1 </dev/null || code=$?
    # Progress lines overwrite themselves: only what stays is shown.
    tr '\r' '\n' <"$dir/output" | fold -s -w $((columns - 5)) | sed -e 's/^/     /' -e 's/ *$//'
}

expect_code() {
    [ "$code" = "$1" ] || fail "exit code $1"
}

expect() {
    grep -qF -- "$1" "$dir/output" || fail "output with: $1"
}

expect_not() {
    if grep -qF -- "$1" "$dir/output"; then fail "output without: $1"; fi
}

# Runs a command that has to succeed.
run_well() {
    run "$1"
    expect_code 0
}

# How many token requests of a kind the stand-in for Entra ID has answered.
token_requests() {
    "$standins" ctl "$world" stats | sed -n "s/^token $1 //p"
}

expect_token_requests() { # kind, number
    seen=$(token_requests "$1")
    [ "${seen:-0}" = "$2" ] || {
        shown=''
        fail "$2 token requests of kind $1 so far, and there were ${seen:-0}"
    }
    say "     (token requests of kind $1 so far, counted by the stand-in: $2)"
}

# ---- Build ----------------------------------------------------------------------------------

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

build() {
    # shellcheck source=install/needs.sh
    . "$root/install/needs.sh"
    check_needs "$root" || exit 1
    say 'git-credential-ona-azure: the tour'
    say 'Building the program and the stand-ins; the first time takes a few minutes.'
    (while sleep 20 >/dev/null 2>&1; do echo '  still building'; done) &
    ticker=$!
    target=${CARGO_TARGET_DIR:-$root/target}
    case $target in /*) ;; *) target=$PWD/$target ;; esac
    # A build target for another machine would be of no use here.
    (cd -- "$root" && unset CARGO_BUILD_TARGET && cargo build --locked --quiet \
        --package git-credential-ona-azure --package standins --target-dir "$target") || {
        printf 'error: cargo could not build the program; its messages are above\n' >&2
        exit 1
    }
    clean_up
    bin=$target/debug
    say "  built $bin/git-credential-ona-azure"
}

if [ -z "$bin" ]; then
    build
    # From here on nothing the caller has set (proxies, git's and our own variables, a browser) is
    # there any more.
    exec env -i PATH="$bin:$PATH" TMPDIR="${TMPDIR:-/tmp}" sh "$root/install/tour.sh" --built "$bin"
fi

# ---- A machine of its own -------------------------------------------------------------------

standins=$bin/standins
dir=$(mktemp -d "${TMPDIR:-/tmp}/ona-azure-tour.XXXXXX")
world=$dir/standins
mkdir "$dir/home"
export HOME="$dir/home" LANG=C LC_ALL=C
# Neither does what is configured for the whole machine reach the tour.
export GIT_CONFIG_NOSYSTEM=1 ONA_AZURE_INTEGRATIONS="$HOME/integrations.json"
# git fails instead of asking: the tour has nobody to answer. In the environment that would also tell
# `login` that nobody is there, and somebody is: the stand-in of a browser.
printf '#!/bin/sh\n' >"$HOME/askpass"
chmod +x "$HOME/askpass"
export GIT_ASKPASS="$HOME/askpass"
unset GIT_TERMINAL_PROMPT
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@contoso.example
export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@contoso.example

"$standins" serve "$world" >"$dir/standins.log" 2>&1 &
standins_pid=$!
waited=0
until [ -f "$world/ready" ]; do
    waited=$((waited + 1))
    if [ "$waited" -gt 300 ] || ! kill -0 "$standins_pid" 2>/dev/null; then
        printf 'error: the stand-ins did not start\n' >&2
        sed 's/^/  | /' "$dir/standins.log" >&2
        exit 1
    fi
    sleep 0.1 2>/dev/null || sleep 1
done
# shellcheck disable=SC1091  # It is written by the stand-ins.
. "$world/env.sh"
cd "$HOME"

say
say 'Microsoft Entra ID and Azure DevOps are played by stand-ins on this machine, under their real'
say 'names. Everything else is real: the program, git, and what they say. Long lines are wrapped.'

# ---- The tour -------------------------------------------------------------------------------

repository=https://dev.azure.com/contoso/app/_git/app

begin 'Nothing is configured yet' \
    'Nobody has said how people sign in to dev.azure.com. The program says so.'
run 'git-credential-ona-azure login'
expect_code 3
expect 'Ona Cloud (US01) requires authentication with Source Control - the SCM integration for host dev.azure.com is not configured'

begin 'Tell git to ask this program' \
    "setup-git writes git's configuration; the same message now reaches whoever uses git."
run_well 'git-credential-ona-azure setup-git'
expect '[credential "https://dev.azure.com"]'
run "git clone $repository"
expect_code 128
expect 'error: Ona Cloud (US01) requires authentication with Source Control - the SCM integration for host dev.azure.com is not configured'

begin 'The administrator adds the SCM integration, with Save & Test' \
    'The client secret comes on standard input and is sealed to the key of this machine.' \
    '--pat lets people use personal access tokens too.'
# shellcheck disable=SC2016  # The command is shown as it is typed.
run_well 'printf %s "$STANDIN_CLIENT_SECRET" |
  git-credential-ona-azure integration add --host dev.azure.com \
    --issuer-url "$STANDIN_ISSUER_URL" --client-id "$STANDIN_CLIENT_ID" \
    --client-secret-stdin --pat'
expect 'the tenant knows the client ID and accepts the client secret'
expect 'the issuer sends browsers back to http://localhost/ona-azure'
expect 'The integration for dev.azure.com works.'
if grep -qF -- "$STANDIN_CLIENT_SECRET" "$ONA_AZURE_INTEGRATIONS"; then
    fail 'an integrations file without the client secret in clear'
fi
expect_token_requests client_credentials 1

begin 'The developer signs in with the browser' \
    'The browser here is a stand-in too: it opens the address and signs Ada in.'
run_well 'git-credential-ona-azure login'
expect 'is signed in to dev.azure.com.'
expect_token_requests authorization_code 1

begin 'Clone, commit, push' \
    'git asks the program for each of them. The token of the sign-in is still good, so no further' \
    'one is fetched.'
run_well "git clone $repository"
run_well 'cd app && echo "from the tour" >tour.txt && git add tour.txt &&
  git commit -m "Take the tour"'
run_well 'cd app && git push'
run_well 'cd app && git ls-remote origin refs/heads/main'
expect "$(git -C app rev-parse HEAD)"
expect_token_requests refresh_token 0

begin 'The access token runs out' \
    'A token lives for about 75 minutes. So that you need not wait for its end, the stand-in now' \
    'gives out one that lives for 30 seconds, and no longer accepts that one either: only a new' \
    'token lets git in. git fetch gets it with one request, and nobody is asked anything.'
# shellcheck disable=SC2016
run_well 'standins ctl "$world" token-lifetime 30'
run_well 'git-credential-ona-azure login 2>/dev/null'
expect 'is signed in to dev.azure.com.'
# shellcheck disable=SC2016
run_well 'standins ctl "$world" expire-access-tokens'
run_well 'cd app && git fetch --verbose'
expect 'origin/main'
expect_token_requests refresh_token 1

begin 'A personal access token, for when OAuth fails' \
    'It is made on the page of Azure DevOps and given on standard input.'
# shellcheck disable=SC2016
run_well 'printf %s "$STANDIN_PAT" |
  git-credential-ona-azure login https://dev.azure.com/contoso --pat --expires 30d'
expect 'The personal access token for contoso is kept until'

begin 'Microsoft Entra ID is down' \
    'Again the token has no time left, but now nobody gives out a new one: the personal access' \
    'token takes over, and the reason is said.'
# shellcheck disable=SC2016
run_well 'standins ctl "$world" entra-down'
run_well 'cd app && git fetch --verbose'
expect 'warning: using the personal access token for contoso: the access token of'
expect '503'
expect 'origin/main'

begin 'What is wrong?' \
    'doctor looks at the remote of the clone and at all that it needs, and ends in one sentence.'
run 'cd app && git-credential-ona-azure doctor'
expect_code 1
expect 'What is wrong, at the issuer: login.microsoftonline.com answered with HTTP status 503'

begin 'Who is signed in, until when, and what protects it'
run_well 'git-credential-ona-azure status'
expect 'OAuth and PAT'
expect 'contoso       ends in'
expect 'ONA_AZURE_KEY_FILE'

begin 'Clean up' \
    'Everything is taken back.'
run_well 'git-credential-ona-azure logout'
expect 'is signed out of'
expect 'The personal access token for dev.azure.com/contoso is forgotten'
run_well 'git-credential-ona-azure integration remove dev.azure.com'
run_well 'git-credential-ona-azure setup-git --undo'
run_well 'test ! -e ~/.gitconfig'
run 'git-credential-ona-azure status'
expect 'the SCM integration for host dev.azure.com is not configured'

removed=$dir
cd /
clean_up
[ ! -e "$removed" ] || {
    shown=''
    fail "$removed to be gone"
}
printf '\nAll %s steps did what they say, and nothing of the tour is left.\n' "$step"
