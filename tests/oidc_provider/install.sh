#!/bin/sh
# Installs the OpenID provider of tests/oidc_provider.rs into target/oidc-provider, unless it is
# there. Needs npm. What appears there is whole, also where two of these run at once.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
there=$here/../../target/oidc-provider

if cmp -s "$here/package-lock.json" "$there/package-lock.json"; then
    exit 0
fi
new=$there.new.$$
trap 'rm -rf -- "$new"' EXIT
trap 'exit 130' HUP INT TERM
mkdir -p -- "$new"
cp -- "$here/package.json" "$here/package-lock.json" "$new"
npm ci --prefix "$new" --ignore-scripts --no-audit --no-fund --loglevel=error
rm -rf -- "$there"
# Another may have been quicker: then this fails, for a folder replaces only an empty one.
node -e 'fs.renameSync(...process.argv.slice(1))' "$new" "$there" 2>/dev/null ||
    cmp -s "$here/package-lock.json" "$there/package-lock.json"
