# What the checks have in common. Sourced by checks.
# shellcheck shell=bash disable=SC2154,SC2034 # checks sets and uses those

url=http://localhost:9000
drop_ins=/etc/systemd/system/hookbell.service.d
state=/var/lib/hookbell
check=

# begins NAME: what follows is checked under this name.
begins() {
    check=$1
    # What was logged before is not meant. Not a cursor: beside -p it passes over the first line (systemd 252).
    since=@$EPOCHREALTIME
}
# saw WORDS…: the check holds, and this is how.
saw() { printf '%-5s %-12s %s\n' "$kind" "$check" "$*"; }
fail() {
    printf 'systemd: %s: %s\n' "$check" "$*"
    systemctl status --lines 0 hookbell hookbell.socket || true
    journalctl -u hookbell -o short-precise --since "$since" | tail -n 40 | cut -c1-250
    exit 1
} >&2

# Waits until a command succeeds, for at most a minute.
until_ok() {
    local tries
    for ((tries = 0; tries < 2400; tries++)); do
        "$@" 2>/dev/null && return
        sleep 0.025
    done
    return 1
}
# logged PATTERN [journalctl-arguments…]: the journal has such a line since the check began.
logged() {
    local pattern=$1
    shift
    journalctl --sync
    journalctl -u hookbell -o cat --since "$since" "$@" | grep -- "$pattern" >/dev/null
}
property() { systemctl show -P "$1" "${2:-hookbell}"; }
is() { [[ $(property "$1" "${3:-hookbell}") == "$2" ]]; }
# drop_in UNIT NAME: installs what stands in standard input.
drop_in() {
    mkdir -p "/etc/systemd/system/$1.d"
    cat >"/etc/systemd/system/$1.d/$2.conf"
    systemctl daemon-reload
}
without_drop_in() {
    rm "/etc/systemd/system/$1.d/$2.conf"
    systemctl daemon-reload
}

# code PATH CURL-ARGUMENTS…: one call without a retry; prints the status, and keeps the answer in $answer, or /tmp/answer.
code() {
    local path=$1
    shift
    curl -sS -o "${answer:-/tmp/answer}" -w '%{http_code}' --max-time 20 "$@" "$url$path" 2>&1 || true
}
# answers STATUS PATH…
answers() {
    local expected=$1 got
    shift
    got=$(code "$@")
    [[ $got == "$expected" ]] || fail "$1: $got instead of $expected: $(cat /tmp/answer)"
}

# Four callers that never retry, each as fast as it is answered, from load to unload.
load() {
    mkdir /tmp/load
    callers=()
    for caller in 1 2 3 4; do
        calls "$check-$caller" >"/tmp/load.$caller" &
        callers+=($!)
    done
}
calls() {
    local n
    for ((n = 1; 1; n++)); do
        [[ -e /tmp/load ]] || break
        printf '%s %s-%d.\n' "$(curl -sS -o /dev/null -w '%{http_code}' --max-time 20 "$url/hooks/bell?msg=$1-$n." 2>&1)" "$1" "$n"
    done
}
rung() { journalctl --sync; journalctl -u hookbell -o cat --since "$since" | grep -o -- "$check-[0-9]-[0-9]*\.$" | sort -u; }
all_rung() { rung | cmp -s - <(sed 's/^[^ ]* //' /tmp/load.? | sort -u); }
# Every call was answered 202, and every message rang; prints how many there were.
unload() {
    rmdir /tmp/load
    wait "${callers[@]}"
    ! grep -hv '^202 ' /tmp/load.? >&2 || fail "a call was lost, see above"
    until_ok all_rung || fail "accepted, and never rang: $(comm -13 <(rung) <(sed 's/^[^ ]* //' /tmp/load.? | sort -u) | head -5)"
    cat /tmp/load.? | wc -l
}
