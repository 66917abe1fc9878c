# New files while callers call.
# shellcheck shell=bash disable=SC2154 # lib.sh and checks set those

hooks=/etc/hookbell/hooks.json
# with_hook ID: the files as they are, and one hook more.
with_hook() { sed "s|^  \"hooks\": \[|&\n    { \"id\": \"$1\", \"execute-command\": \"true\", \"response-message\": \"here\" },|" "$here/hooks.json" >$hooks; }
has_hook() { [[ $(code "/hooks/$1") == 200 ]]; }
ready_again() { logged "Got notification message from PID.*READY=1" _PID=1; }

begins reload
systemctl log-level debug
load
code "/hooks/slow?name=$check&seconds=1" >/tmp/slow.code &
slow=$!
until_ok test -e "$state/$check.begun" || fail "the slow call does not begin"
for n in 1 2 3 4 5; do
    with_hook "new-$n"
    systemctl reload hookbell || fail "systemctl reload fails"
    until_ok has_hook "new-$n" || fail "the new file is not taken"
done
wait $slow
[[ $(</tmp/slow.code) == 200 ]] || fail "a call that began before is lost"
calls=$(unload)
journalctl --sync
told=$(journalctl -o cat --since "$since" _PID=1 | grep -o 'hookbell.service: Got notification message from PID [0-9]* (\(RELOADING\|READY\)=1' | sed 's/.*(//' | uniq -c | xargs)
systemctl log-level info
[[ $told == *"RELOADING=1"*"READY=1"* ]] || fail "systemd was told: $told"
saw "$calls calls during 5 reloads, all answered and rung"

begins refused
sed -i 's/"hooks": \[/"hooks": [ {/' $hooks
load
systemctl reload hookbell || fail "systemctl reload fails"
until_ok logged "reload refused" -p err || fail "a broken file is not refused"
until_ok is SubState running || fail "systemd still waits for the reload"
answers 200 /hooks/new-5
calls=$(unload)
logged "hooks.json:[0-9]*:[0-9]*" -p err || fail "the log does not say where"
saw "$calls calls on the old hooks; status: $(property StatusText)"
[[ $(property StatusText) == *refused* ]] || fail "systemctl status does not tell"

cp "$here/hooks.json" $hooks
systemctl reload hookbell
mended() { [[ $(property StatusText) != *refused* ]]; }
until_ok mended || fail "systemctl status goes on to tell of it"
