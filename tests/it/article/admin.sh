#!/bin/bash
# Sends the message $1 to $2, by default to the administrator.
msg="$(echo "$1" | tr -d '\r')"
to="${2:-79001234567}"

if [[ -z "${msg//[[:space:]]/}" ]]; then
    echo "nothing to send"
    exit 1
fi

"$(dirname "$0")/client" --send "$to" "$msg"
