# What commands may do, with and without the sandbox.
# shellcheck shell=bash disable=SC2154 # lib.sh and checks set those

# allowed: the names of what a command of the service may do, in a line.
allowed() {
    answers 200 /hooks/probe
    sed -n 's/: yes$//p' /tmp/answer | xargs
}

begins sandbox
# Anybody else may do all of it, or nothing of what follows is proven.
anybody=$(setpriv --reuid 65534 --regid 65534 --clear-groups "$here/probe")
refused=$(grep -vE ': yes$|^(read-credentials|docker|raw-socket):' <<<"$anybody") && fail "the probe is wrong: $refused"
[[ $(allowed) == "own-tmp state network" ]] || fail "a command may: $(allowed)"
saw "a command may do only: $(allowed)"
[[ $(stat -Lc '%a' "$state") == 700 ]] || fail "others can read the state"
answers 200 /hooks/env
! grep -E '^(LISTEN_|NOTIFY_SOCKET|WATCHDOG_)' /tmp/answer || fail "commands inherit what is between us and systemd"

begins exposure
exposure=$(systemd-analyze security --threshold=20 hookbell) || fail "$exposure"
saw "$(tail -1 <<<"$exposure" | sed 's/^[^[:alpha:]]*//')"
