# A chat message by Prosody, which Debian's sendxmpp brings and a second client really gets, with the files of examples/xmpp.
# Sourced by run.
mkdir "$work/xmpp"
cd "$work/xmpp" || exit
chat_port=$(free_port)

openssl req -x509 -newkey rsa:2048 -noenc -days 2 -subj "/CN=localhost" -addext "subjectAltName = DNS:localhost" \
    -keyout chat.key -out chat.pem 2>/dev/null || fail "openssl makes no certificate"
mkdir certs
cat >prosody.cfg.lua <<EOF
run_as_root = true
daemonize = false
pidfile = "$PWD/prosody.pid"
data_path = "$PWD/data"
certificates = "$PWD/certs"
interfaces = { "127.0.0.1" }
c2s_ports = { $chat_port }
s2s_ports = { }
http_ports = { }
https_ports = { }
modules_enabled = { "saslauth", "roster", "tls", "offline" }
modules_disabled = { "s2s" }
authentication = "internal_hashed"
c2s_require_encryption = true
log = { info = "*console" }
VirtualHost "localhost"
  ssl = { certificate = "$PWD/chat.pem", key = "$PWD/chat.key" }
EOF
mkdir data
for person in bell ivan; do
    prosodyctl --config "$PWD/prosody.cfg.lua" register "$person" localhost "s3cret-of-$person" >said 2>&1 ||
        fail "prosodyctl makes no account: $(cat said)"
done
serve_chat() {
    prosody --config "$PWD/prosody.cfg.lua" -F >>prosody.log 2>&1 &
    chat_server=$!
    pids+=("$chat_server")
    until_ok eval "exec 3<>/dev/tcp/127.0.0.1/$chat_port" || fail "prosody does not listen: $(cat prosody.log)"
}
serve_chat

# The files of the example, with the addresses of this host.
(umask 077 && echo "bell@localhost s3cret-of-bell" >sendxmpprc)
sed -e "s#sendxmpp -t#& --tls-ca-path=$PWD/chat.pem#; s#example\.org:5222#localhost:$chat_port#; s#/etc/hookbell/sendxmpprc#$PWD/sendxmpprc#; s#ivan@example\.org#ivan@localhost#" \
    "$root/examples/xmpp/hooks.json" >hooks.json
"$binary" check -strict hooks.json >check.out || fail "check: $(cat check.out)"
chat_hooks=$(free_port)
"$binary" -ip 127.0.0.1 -port "$chat_hooks" 2>log &
chat_bell=$!
pids+=("$chat_bell")
until_ok curl -s -o /dev/null "http://127.0.0.1:$chat_hooks/" || fail "the daemon does not answer: $(cat log)"
chat_token=$("$binary" token -header alarm 2>/dev/null)
chat_rings() {
    curl -fsS -H "$chat_token" -o answer "$@" "http://127.0.0.1:$chat_hooks/hooks/alarm" || fail "$*: $(cat answer log)"
}
# Nobody else's Python knows Debian's modules.
hears() { /usr/bin/python3 "$here/xmpp.py" "127.0.0.1:$chat_port" ivan@localhost "s3cret-of-ivan" chat.pem "$1" >"$2" 2>heard.err; }

chat_text=$'Диск полон 🔔 на db1\nвторая <b>&amp; "строка"\n- и с чертой'
hears 1 heard &
listener=$!
pids+=("$listener")
chat_rings --data-urlencode "msg=$chat_text" --data-urlencode "title=ПРОБЛЕМА"
wait "$listener" || fail "no chat message came: $(cat heard.err log prosody.log)"
[[ $(cat heard) == "bell@localhost"$'\n'"ПРОБЛЕМА"$'\n'"$chat_text" ]] || fail "another message came: $(cat heard)"
pass

# A server that is away: the message waits for it. A reader who was away gets it when they come.
kill "$chat_server"
wait "$chat_server" 2>/dev/null || true
chat_rings -d msg=patience
until_ok grep -q 'a try failed' log || fail "a server that is away: $(cat log)"
serve_chat
for ((tries = 0; tries < 20; tries++)); do
    "$binary" messages -state sent 2>/dev/null | grep -c ivan >sent || true
    [[ $(cat sent) != 2 ]] || break
    sleep 1
done
hears 1 heard || fail "what waited did not come: $(cat heard.err log)"
[[ $(cat heard) == "bell@localhost"$'\n'"patience" ]] || fail "another message came: $(cat heard)"
pass

"$binary" accounts test chat -to ivan >said 2>&1 || fail "accounts test: $(cat said)"
grep -q "sent: the provider took it" said || fail "accounts test: $(cat said)"
! grep -qF "s3cret" log || fail "the password stands in the log"
pass
kill -TERM "$chat_bell"
wait "$chat_bell" || fail "SIGTERM: it ended with $?: $(cat log)"
kill "$chat_server"
