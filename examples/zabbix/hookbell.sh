#!/usr/bin/env bash
# Zabbix runs it for a media type "Script": hookbell.sh {ALERT.SENDTO} {ALERT.SUBJECT} {ALERT.MESSAGE}
# It belongs into AlertScriptsPath of zabbix_server.conf (Debian: /usr/lib/zabbix/alertscripts).
set -euo pipefail
url=${HOOKBELL_URL:-http://127.0.0.1:9000/hooks/zabbix}
# One line: Authorization: Bearer TOKEN
header=${HOOKBELL_HEADER:-/etc/zabbix/hookbell.header}

printf '%s' "$3" |
    curl -fsS --retry 5 --retry-connrefused --max-time 20 --header @"$header" \
        --data-urlencode to="$1" --data-urlencode title="$2" --data-urlencode msg@- "$url"
