# SIGTERM, and who is waited for.
# shellcheck shell=bash disable=SC2154 # lib.sh and checks set those

empty_group() { [[ $(systemctl status hookbell || true) != *CGroup:* ]]; }

begins stop
answer=/tmp/slow.answer code "/hooks/slow?name=$check&seconds=1" >/tmp/slow.code &
slow=$!
answers 200 "/hooks/later?name=$check-later&seconds=1"
until_ok test -e "$state/$check.begun" || fail "the slow call does not begin"
until_ok test -e "$state/$check-later.begun" || fail "the command does not begin"
systemctl stop hookbell
wait $slow
[[ $(</tmp/slow.code) == 200 && $(</tmp/slow.answer) == "the output of $check" ]] || fail "the call under way got: $(</tmp/slow.code)"
[[ -e "$state/$check-later.done" ]] || fail "a command that nobody waits for is cut off"
is Result success || fail "it ended with $(property Result)"
empty_group || fail "something is left behind"
saw "a call under way is answered, a command behind it finishes"

begins drain
drop_in hookbell.service drain <<<$'[Service]\nEnvironment=HOOKBELL_DRAIN=1s'
systemctl start hookbell
answers 200 "/hooks/later?name=$check&seconds=300"
until_ok test -e "$state/$check.begun" || fail "the command does not begin"
began=${EPOCHREALTIME/./}
systemctl stop hookbell
took=$(((${EPOCHREALTIME/./} - began) / 1000))
((took < 5000)) || fail "it took $took ms"
is Result success || fail "it ended with $(property Result)"
empty_group || fail "something is left behind"
logged "the drain time is over: commands are left unfinished" -p warning || fail "the log does not tell"
saw "a command that goes on is killed after -drain: $took ms"

begins long-drain
# What -drain allows systemd allows, too, whatever the unit says.
drop_in hookbell.service drain <<<$'[Service]\nEnvironment=HOOKBELL_DRAIN=20s\nTimeoutStopSec=1s'
systemctl start hookbell
answers 200 "/hooks/later?name=$check&seconds=3"
until_ok test -e "$state/$check.begun" || fail "the command does not begin"
systemctl stop hookbell
[[ -e "$state/$check.done" ]] || fail "TimeoutStopSec= cuts a longer -drain short"
is Result success || fail "it ended with $(property Result)"
without_drop_in hookbell.service drain
systemctl start hookbell
saw "TimeoutStopSec=1s does not cut -drain 20s short"
