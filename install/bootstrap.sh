#!/bin/sh
# From nothing to a clone: sh bootstrap.sh ADDRESS FOLDER, with what bootstrap is to be given in
# ONA_AZURE_* or in the files that ONA_AZURE_*_FILE name. Run again, it changes nothing.
set -eu
git-credential-ona-azure bootstrap --wait 60s
test -d "$2" || git clone "$1" "$2"
