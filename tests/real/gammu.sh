# SMS by gammu-smsd with its dummy modem, and the files of examples/gammu. Sourced by run.
mkdir "$work/gammu"
cd "$work/gammu" || exit
mkdir -p phone/sms/{1,2,3,4,5} inbox outbox sent error
cat >smsdrc <<EOF
[gammu]
model = dummy
connection = none
device = $PWD/phone

[smsd]
service = files
logfile = stdout
inboxpath = $PWD/inbox/
outboxpath = $PWD/outbox/
sentsmspath = $PWD/sent/
errorsmspath = $PWD/error/
commtimeout = 1
loopsleep = 1
checksecurity = 0
EOF
sed "s#/etc/gammu-smsdrc#$PWD/smsdrc#" "$root/examples/gammu/hooks.json" >hooks.json
"$binary" check -strict hooks.json >check.out || fail "check: $(cat check.out)"
sms_hooks=$(free_port)
"$binary" -ip 127.0.0.1 -port "$sms_hooks" 2>log &
sms_bell=$!
pids+=("$sms_bell")
until_ok curl -s -o /dev/null "http://127.0.0.1:$sms_hooks/" || fail "the daemon does not answer: $(cat log)"
sms_token=$("$binary" token -header alarm 2>/dev/null)

# Before the modem's own daemon is there: it waits in gammu's outbox.
sms_text=$'Диск полон 🔔 на db1\nвторая строка, так длинная, что сообщение не помещается в одну часть: больше семидесяти знаков'
curl -fsS -H "$sms_token" -o answer --data-urlencode "msg=$sms_text" "http://127.0.0.1:$sms_hooks/hooks/alarm?wait=20s" ||
    fail "no SMS was taken: $(cat answer log)"
gammu-smsd -c smsdrc >smsd.log 2>&1 &
sms_server=$!
pids+=("$sms_server")
until_ok eval "compgen -G 'sent/*' >/dev/null" || fail "gammu sent nothing: $(cat smsd.log log)"
# What the modem was told, in the order of the parts.
python3 - sent/* >heard <<'EOF'
import re, sys
text = open(sys.argv[1], encoding="utf-8", errors="replace").read()
number = re.search(r'^Number = "(.*)"', text, re.M)[1]
# With each step gammu writes a part once more behind the others: the header of its text tells which it is.
parts = {}
for part in re.split(r"^\[SMSBackup\d+\]", text, flags=re.M)[1:]:
    header = re.search(r"^UDH = (\w*)", part, re.M)
    parts[header and header[1]] = "".join(re.findall(r"^Text\d+ = (\w*)", part, re.M))
written = "".join(parts.values())
print(number, bytes.fromhex(written).decode("utf-16-be"), sep="\n")
EOF
[[ $(cat heard) == "+79001234567"$'\n'"$sms_text" ]] || fail "another SMS was sent: $(cat heard sent/*)"
pass

# Gammu without its configuration: nothing is lost. The modem's daemon rests meanwhile: it may take a file that is half
# written.
kill "$sms_server"
wait "$sms_server" 2>/dev/null || true
mv smsdrc away
curl -fsS -H "$sms_token" -o answer -d msg=patience "http://127.0.0.1:$sms_hooks/hooks/alarm" || fail "$(cat answer log)"
until_ok grep -q "a try failed" log || fail "a gammu that is broken: $(cat log)"
mv away smsdrc
until_ok eval '[[ $("$binary" messages -state sent 2>/dev/null | grep -c ivan) == 2 ]]' || fail "it was not tried again: $(cat log)"
gammu-smsd -c smsdrc >>smsd.log 2>&1 &
sms_server=$!
pids+=("$sms_server")
for ((tries = 0; tries < 30; tries++)); do
    [[ $(compgen -G 'sent/*' | wc -l) == 1 ]] || break
    sleep 1
done
grep -lq "; patience" sent/* || fail "what waited was not sent: $(cat log smsd.log)"
pass
"$binary" accounts test modem -to ivan >said 2>&1 || fail "accounts test: $(cat said)"
grep -q "sent: the provider took it" said || fail "accounts test: $(cat said)"
pass
kill -TERM "$sms_bell"
wait "$sms_bell" || fail "SIGTERM: it ended with $?: $(cat log)"
kill "$sms_server"
