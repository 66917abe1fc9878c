# What ends it against its will.
# shellcheck shell=bash disable=SC2154 # lib.sh and checks set those

begins SIGKILL
rm -f /run/line
for n in 1 2 3 4 5; do answers 202 "/hooks/phone?msg=$check-$n"; done
restarts=$(property NRestarts)
systemctl kill --kill-whom=main --signal=KILL hookbell
touch /run/line
restarted() { (($(property NRestarts) > restarts)) && is SubState running; }
until_ok restarted || fail "it is not started again"
answers 202 "/hooks/bell?msg=$check"
rang() { [[ $(sort -u "$state/rang") == $(printf "$check-%d\n" 1 2 3 4 5) ]]; }
until_ok rang || fail "of five messages came: $(cat "$state/rang")"
saw "restarted; all 5 queued messages came"

begins watchdog
drop_in hookbell.service watchdog <<<$'[Service]\nWatchdogSec=2s'
systemctl restart hookbell
# It is fed: so long nothing happens.
restarts=$(property NRestarts)
until_ok logged "Started hookbell.service" || fail "it does not start"
began=$(property ExecMainStartTimestampMonotonic)
fed() { (($(cut -d. -f1 /proc/uptime) * 1000000 > began + 5000000)); }
until_ok fed || fail "the time stands still"
[[ $(property NRestarts) == "$restarts" ]] || fail "a watchdog that is fed bites"
systemctl kill --kill-whom=main --signal=STOP hookbell
until_ok restarted || fail "it is not started again"
answers 202 "/hooks/bell?msg=$check"
logged "Watchdog timeout" || fail "something else ended it"
without_drop_in hookbell.service watchdog
saw "fed for 5 s; stopped by SIGSTOP, then killed and restarted"

begins bad-config
systemctl stop hookbell
systemctl clean --what=state hookbell
# It gives up within the test's patience.
drop_in hookbell.service impatient <<<$'[Service]\nRestartSec=20ms'
echo '{ "hooks": [ { "id": "x" ' >/etc/hookbell/hooks.json
! systemctl start hookbell 2>/dev/null || fail "it starts"
until_ok is ActiveState failed || fail "it is started again and again"
line=$(property StatusText)
[[ $line == *hooks.json:1:* ]] || fail "systemctl status does not say where"
logged "hooks.json:1:" -p err || fail "journalctl -p err does not say where"
saw "failed after $(property NRestarts) restarts: $line"

cp "$here/hooks.json" /etc/hookbell/hooks.json
systemctl reset-failed hookbell
systemctl start hookbell || fail "it does not start with the mended file"

begins bad-flag
systemctl stop hookbell
drop_in hookbell.service flag <<<$'[Service]\nExecStart=\nExecStart=/usr/bin/hookbell -hoks /etc/hookbell/hooks.json'
restarts=$(property NRestarts)
! systemctl start hookbell 2>/dev/null || fail "it starts"
is ActiveState failed || fail "it is started again, though no restart mends a flag"
logged "hoks" || fail "the log does not name it"
without_drop_in hookbell.service flag
without_drop_in hookbell.service impatient
systemctl reset-failed hookbell
systemctl start hookbell
saw "failed at once: $(journalctl -u hookbell -o cat --since "$since" | grep -m1 hoks)"
