#!/usr/bin/env bash
# Rings as apcupsd does, without it: the requests as they were recorded. hookbell must serve the hooks.json of this folder.
set -euo pipefail
cd "$(dirname "$0")"
exec ../replay request*.http
