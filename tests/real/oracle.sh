# Debian's webhook and hookbell on the same file, asked the same: what they answer and what they run must be the same.
# Sourced by run.
mkdir "$work/oracle"
cd "$work/oracle"
cp "$here"/peer/* .
chmod +x ./*.sh
sed -i "s#@HERE@#$PWD#" hooks.json
theirs=$(free_port)
webhook -ip 127.0.0.1 -port "$theirs" -hooks hooks.json -verbose >webhook.log 2>&1 &
pids+=($!)
ours=$(free_port)
"$binary" -ip 127.0.0.1 -port "$ours" -hooks hooks.json -verbose 2>hookbell.log &
pids+=($!)
for port in "$theirs" "$ours"; do
    until_ok curl -s -o /dev/null "http://127.0.0.1:$port/" || fail "port $port does not answer: $(cat ./*.log)"
done

# One call: status, the headers that a caller reads, the body (which is argv and environment where a hook tells them).
answer() {
    local port=$1 path=$2
    shift 2
    curl -sS -D head -o body "$@" "http://127.0.0.1:$port$path" || echo "curl: $?"
    head -n 1 head | cut -d ' ' -f 2
    tr -d '\r' <head | grep -iE '^(content-type|content-length|location|allow|x-[a-z]*|cache-control):' |
        sed 's/^[^:]*/\L&/' | sort
    # A remote address has the port of that call; for HEAD curl's body is the head.
    [[ " $* " == *" -I "* ]] || sed 's/127\.0\.0\.1:[0-9]*/PEER/' body
}
# same PATH curl-arguments…
same() {
    local a b
    a=$(answer "$theirs" "$@")
    b=$(answer "$ours" "$@")
    [[ $a == "$b" ]] || fail "unlike webhook: $*"$'\n'"$(diff -u --label webhook --label hookbell <(echo "$a") <(echo "$b"))"
    pass
}

json=(-H "Content-Type: application/json")
same /
same / -X POST
same /hooks
same /hooks/nope
same "/hooks/./tell?q=1"
same /hooks/tell
same /hooks/tell/
same "/hooks/tell?q=%D0%BF%D1%80%D0%B8%D0%B2%D0%B5%D1%82+%F0%9F%94%94"
same "/hooks/tell?q=%24%28id%29%3B+rm+-rf"
same "/hooks/tell?q=a&q=b&flag"
same /hooks/tell -d "a=1&a=2&b=x+y%20z"
same /hooks/tell "${json[@]}" -d '{"a":1.50,"b":"<&>é","c":{"d":[true,null,{"e":1E3}]}}'
same /hooks/tell "${json[@]}" -d '{"a":12345678901234567890123,"c.d":"top"}'
same /hooks/tell "${json[@]}" -d '{"a":'
same /hooks/tell "${json[@]}" -d '[{"a":"in a list"}]'
same /hooks/tell -H "Content-Type: text/plain" -d "just a text"
same /hooks/tell -H "X-Tell: from a header" -X PUT -d ""
same /hooks/entire "${json[@]}" -d '{"z":1.0,"a":"<b>","n":null}'
same "/hooks/entire?z=1&a=2&a=3"
same /hooks/forced -H "Content-Type: text/plain" -d '{"a":"json after all"}'
same /hooks/methods
same /hooks/methods -X POST
same /hooks/methods -I
same /hooks/message
same /hooks/empty
same /hooks/created
same /hooks/nothing
same /hooks/moved
same /hooks/html
same /hooks/fails
same /hooks/fails-aloud
same /hooks/missing
same /hooks/missing-later
same /hooks/folder
same /hooks/a%20b%2Fc
same /hooks/%D1%85%D1%83%D0%BA
same /hooks/off/
