# hookbell.socket holds the port.
# shellcheck shell=bash disable=SC2154 # lib.sh and checks set those

begins socket
systemctl stop hookbell
systemctl start hookbell.socket
is ActiveState inactive || fail "the socket alone starts it"
answers 202 "/hooks/bell?msg=$check-first"
until_ok is ActiveState active || fail "the first call does not start it"
until_ok logged "$check-first" || fail "the first call does not ring"
# Whoever calls while it is down is answered when it is up.
systemctl stop hookbell 2>/dev/null
answers 202 "/hooks/bell?msg=$check-again"
backlog=$(ss -Hltn 'sport = :9000' | awk '{ print $3 }')
((backlog >= 4096)) || fail "the backlog is $backlog"
answers 200 /hooks/env
! grep -E '^(LISTEN_|NOTIFY_SOCKET|WATCHDOG_)' /tmp/answer || fail "commands inherit what is between us and systemd"
saw "the first call starts it and is answered, also after a stop; backlog $backlog"

begins restarts
load
for n in 1 2 3 4; do
    systemctl restart hookbell
    # Some calls between restarts, too.
    answers 202 "/hooks/bell?msg=between-$n"
done
calls=$(unload)
saw "$calls calls during 4 restarts, all answered and rung"

begins crash
load
systemctl kill --kill-whom=main --signal=KILL hookbell
answers 202 "/hooks/bell?msg=$check"
rmdir /tmp/load
wait "${callers[@]}"
# Only those whose connection was open when it died can be lost, and each caller had one at most. curl's complaint stands
# on a line before the call's own.
lost=$(grep -h -- " $check-[0-9]-[0-9]*\.$" /tmp/load.? | grep -vc '^202 ' || true)
((lost <= 4)) || fail "$lost calls were lost by one crash"
saw "killed under load: the port stays open, $lost of 4 calls under way were cut"
