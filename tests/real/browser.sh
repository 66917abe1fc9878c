# A real browser opens the URL as somebody types it. Sourced by run.
mkdir "$work/browser"
cd "$work/browser"
cp "$root/hooks.json" .
port=$(free_port)
"$binary" -ip 127.0.0.1 -port "$port" 2>log &
pids+=($!)
until_ok curl -s -o /dev/null "http://127.0.0.1:$port/" || fail "the daemon does not answer: $(cat log)"
browse() {
    timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run \
        --user-data-dir="$work/profile" --virtual-time-budget=2000 --dump-dom "$1" 2>/dev/null ||
        fail "chromium failed on $1"
}
browse "http://127.0.0.1:$port/hooks/wp-admin?msg=Диск полон 🔔 \"100%25\"" >page
grep -q "queued .* for 1 recipient" page || fail "the browser did not show the answer: $(cat page)"
until_ok grep -qF '🔔 ivan · +79001234567: Диск полон 🔔 "100%"' log || fail "the browser's text did not arrive: $(cat log)"
[[ $(grep -c 'INFO.*🔔 ivan' log) == 1 ]] || fail "one URL rang more than once: $(cat log)"
pass

# A page of another site can't ring it: "localhost" and "127.0.0.1" are two sites.
there=$(free_port)
cat >page.json <<PAGE
[{ "id": "page", "execute-command": "/bin/true",
   "response-message": "<img src='http://127.0.0.1:$port/hooks/wp-admin?msg=foreign'>",
   "response-headers": [{ "name": "Content-Type", "value": "text/html" }] }]
PAGE
"$binary" -ip 127.0.0.1 -port "$there" -hooks page.json 2>page.log &
pids+=($!)
until_ok curl -s -o /dev/null "http://127.0.0.1:$there/" || fail "the page is not served: $(cat page.log)"
browse "http://localhost:$there/hooks/page" >/dev/null
until_ok grep -q 'refused.*a page of another site' log || fail "a foreign page was not refused: $(cat log)"
grep -q '🔔.*foreign' log && fail "a foreign page rang the bell"
pass
