#!/bin/sh
# Tells how it was called.
echo "0=$(basename "$0")"
for argument in "$@"; do echo "argument=[$argument]"; done
env | grep -E '^(HOOK_|TOLD)' | LC_ALL=C sort
pwd
