#!/usr/bin/env bash
# Plays the phone: fetches one text after the other, has a program send each, and tells what became of it.
#
#   phone.sh URL HEADER [PROGRAM [ARGUMENT...]]
#
# HEADER is a file with one line, "Authorization: Bearer TOKEN". The program gets the number as its last argument and the
# text on its standard input. It ends with 0: sent; 3: this number can't be reached; anything else: try again. Without one it
# is termux-sms-send, which makes an Android phone with Termux a text message gateway. PHONE_ONCE=1 ends after one text.
set -uo pipefail

url=${1:?usage: phone.sh URL HEADER [PROGRAM [ARGUMENT...]]}
header=${2:?usage: phone.sh URL HEADER [PROGRAM [ARGUMENT...]]}
shift 2
(($#)) || set -- termux-sms-send -n

# A text out of hookbell's JSON, whose escapes are all known to printf but the quote's.
field() {
  [[ $2 =~ \"$1\":\"(([^\"\\]|\\.)*)\" ]] && printf '%b' "${BASH_REMATCH[1]//\\\"/\"}"
}

say() {
  curl -fsS --retry 5 --retry-connrefused --max-time 20 -o /dev/null -H "@$header" "$url/pull/v1/done" \
    --data-urlencode "id=$id" --data-urlencode "lease=$lease" "$@"
}

while true; do
  item=$(
    curl -fsS --retry 5 --retry-connrefused --max-time 20 -H "@$header" "$url/pull/v1/next?wait_s=15"
  ) || { sleep 5; continue; }
  [[ $item == *'"send":true'* ]] || continue
  id=$(field id "$item") lease=$(field lease "$item") number=$(field to "$item")
  field text "$item" | "$@" "$number"
  case $? in
    0) say -d status=1 ;;
    3) say -d status=2 -d reason=not_registered ;;
    *) say -d status=2 -d reason=ui_error ;;
  esac || echo "phone.sh: $id: hookbell did not hear what became of it" >&2
  [[ -z ${PHONE_ONCE-} ]] || exit 0
done
