# An unprivileged container without nesting, and lxc.conf.

begins container
systemctl start hookbell && fail "it starts: nothing is imitated here"
until_ok logged "status=226/NAMESPACE" || fail "it fails in another way than in LXC"
saw "without lxc.conf: $(journalctl -u hookbell -o cat | grep -m1 226/NAMESPACE)"
systemctl stop hookbell
systemctl reset-failed hookbell

begins lxc.conf
useradd --system --no-create-home --shell /usr/sbin/nologin hookbell
install -D -m 644 "$here/units/lxc.conf" $drop_ins/lxc.conf
systemctl daemon-reload
systemctl start hookbell || fail "it does not start"
answers 202 "/hooks/bell?msg=$check"
until_ok logged "$check" || fail "no bell rang"
answers 200 /hooks/probe
saw "a command may: $(sed -n 's/: yes$//p' /tmp/answer | xargs)"
systemctl reload hookbell
systemctl stop hookbell
is Result success || fail "it ended with $(property Result)"
journalctl -b | grep -i "credential" | head -5
