# Every way in which examples/curl/README.md calls a hook. Sourced by run.
mkdir "$work/curl"
cd "$work/curl"
cp "$root/hooks.json" .
port=$(free_port)
url=http://127.0.0.1:$port/hooks
"$binary" -ip 127.0.0.1 -port "$port" 2>log &
pids+=($!)
daemon=$!
until_ok curl -s -o /dev/null "http://127.0.0.1:$port/" || fail "the daemon does not answer: $(cat log)"

# The bell rang with exactly this text (a line break is shown as a dot), for the contact in $1.
rings() {
    until_ok grep -qF "🔔 $1: $2" log && : >log && return
    fail "$3: no bell rang for $1 with: $2"$'\n'"$(cat log)"
}
# calls NAME STATUS TEXT curl-arguments…
calls() {
    local name=$1 status=$2 text=$3 got
    shift 3
    : >log
    got=$(curl -sS -o body -w '%{http_code}' "$@") || fail "$name: curl failed"
    [[ $got == "$status" ]] || fail "$name: $got instead of $status: $(cat body)"
    [[ -z $text ]] || rings "ivan · +79001234567" "$text" "$name"
    pass
}

calls "query" 202 "Диск полон 🔔 100%" -G --data-urlencode "msg=Диск полон 🔔 100%" "$url/wp-admin"
calls "query with breaks" 202 "раз · два & три" -G --data-urlencode $'msg=раз\nдва & три' "$url/wp-admin"
calls "query as typed" 202 "disk is full" "$url/wp-admin?msg=disk+is+full"
calls "raw UTF-8 in the URL" 202 "привет🔔" "$url/wp-admin?msg=привет🔔"
calls "raw quotes in the URL" 202 '<"привет">' -g "$url/wp-admin?msg=<\"привет\">"
calls "form" 202 "форма + плюс" --data-urlencode "msg=форма + плюс" "$url/wp-admin"
echo "from a pipe" | calls "form from a pipe" 202 "from a pipe" --data-urlencode msg@- "$url/wp-admin"
calls "JSON" 202 "строка · вторая" -H "Content-Type: application/json" -d '{"msg": "строка\nвторая"}' "$url/wp-admin"
calls "JSON, text" 202 "как в чате" -H "Content-Type: application/json" -d '{"text": "как в чате"}' "$url/wp-admin"
calls "plain text" 202 "df: 97%" -H "Content-Type: text/plain" --data-binary "df: 97%" "$url/wp-admin"
calls "a list" 202 "everybody" -G -d msg=everybody "$url/wp-list"
calls "empty" 400 "" "$url/wp-admin"
calls "blank" 400 "" -G --data-urlencode "msg=  " "$url/wp-admin"
calls "-d without a name" 400 "" -d "disk is full" "$url/wp-admin"
grep -q -- --data-urlencode body || fail "-d without a name: no advice: $(cat body)"
calls "HEAD" 204 "" -I "$url/wp-admin?msg=x"
calls "unknown" 404 "" "$url/wp-nobody?msg=x"

token=$("$binary" token wp-phone 2>/dev/null)
phone() {
    local name=$1 status=$2
    shift 2
    calls "$name" "$status" "" -G -d msg=hi --data-urlencode phone=+79001112233 "$@" "$url/wp-phone"
    [[ $status != 202 ]] || rings +79001112233 hi "$name"
}
phone "no token" 401
phone "wrong token" 403 -H "X-Hook-Token: wrong"
phone "bearer" 202 -H "Authorization: Bearer $token"
phone "basic" 202 -u "zabbix:$token"
phone "own header" 202 -H "X-Hook-Token: $token"
phone "in the URL" 202 -d "token=$token"
calls "a national number" 400 "" -H "X-Hook-Token: $token" "$url/wp-phone?msg=hi&phone=89001112233"
calls "a plus as typed" 202 "" -H "X-Hook-Token: $token" "$url/wp-phone?msg=hi&phone=+79001112233"
grep -qF "$token" log && fail "a token stands in the log"

: >log
id=$(curl -sS -G -d msg=status -H "Accept: application/json" "$url/wp-admin" | sed 's/.*"id":"\([^"]*\)".*/\1/')
until_ok eval "curl -s http://127.0.0.1:$port/messages/$id | grep -q '1: sent, 1 attempt'" || fail "no status of $id"
pass
"$binary" send -to ivan "from the shell" >/dev/null
rings "ivan · +79001234567" "from the shell" "hookbell send"
pass

# An edit is taken without a signal; a broken one is refused, and the old hooks go on.
sed -i 's/wp-list/wp-team/' hooks.json
until_ok grep -q "reloaded.*wp-team" log || fail "an edit was not noticed: $(cat log)"
calls "after an edit" 202 "hi" "$url/wp-team?msg=hi"
echo '{"hooks": [' >hooks.json
until_ok grep -q "reload refused" log || fail "a broken edit was not refused: $(cat log)"
calls "after a broken edit" 202 "hi" "$url/wp-team?msg=hi"

kill -TERM "$daemon"
wait "$daemon" || fail "SIGTERM: it ended with $?: $(cat log)"
pass

mkdir "$work/socket"
cd "$work/socket"
cp "$root/hooks.json" .
"$binary" -socket ./hookbell.sock 2>log &
pids+=($!)
until_ok test -S hookbell.sock || fail "no socket: $(cat log)"
calls "a Unix socket" 202 "через сокет" --unix-socket ./hookbell.sock -G --data-urlencode "msg=через сокет" http://localhost/hooks/wp-admin

# A file of the peer's leaves nothing behind.
mkdir "$work/classic"
cd "$work/classic"
cp "$root/examples/classic/hooks.json" .
port=$(free_port)
"$binary" -ip 127.0.0.1 -port "$port" 2>log &
pids+=($!)
until_ok curl -s -o /dev/null "http://127.0.0.1:$port/" || fail "the daemon does not answer: $(cat log)"
got=$(curl -sS -H "Content-Type: application/json" -d '{"repository":{"name":"site"},"commits":[{"author":"ivan"}]}' "http://127.0.0.1:$port/hooks/say")
[[ $got == "site ivan" ]] || fail "classic: $got"
[[ $(ls) == $'hooks.json\nlog' ]] || fail "classic: it left files behind: $(ls)"
pass
