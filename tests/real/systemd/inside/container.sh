# An unprivileged container without nesting, and lxc.conf.
# shellcheck shell=bash disable=SC2154 # lib.sh and checks set those

begins container
! systemctl start hookbell 2>/dev/null || fail "it starts: nothing is imitated here"
until_ok logged "status=226/NAMESPACE" || fail "it fails in another way than in LXC"
saw "without lxc.conf: $(journalctl -u hookbell -o cat | grep -m1 226/NAMESPACE)"
systemctl stop hookbell

begins lxc.conf
useradd --system --no-create-home --shell /usr/sbin/nologin hookbell
install -D -m 644 "$here/units/lxc.conf" "$drop_ins/lxc.conf"
# As lxc.conf says: LoadCredential= does not work there.
chgrp -R hookbell /etc/hookbell/credentials
chmod 750 /etc/hookbell/credentials
chmod 640 /etc/hookbell/credentials/caller
sed -i 's|{ "credential": "caller" }|{ "file": "/etc/hookbell/credentials/caller" }|' /etc/hookbell/hooks.json
systemctl daemon-reload
systemctl start hookbell || fail "it does not start"
answers 202 "/hooks/secret?msg=$check" -H "X-Hook-Token: the caller's"
until_ok logged "$check" || fail "no bell rang"
answers 200 /hooks/probe
# What needs no mounts is still in force; files are guarded by their permissions alone.
! grep -E '^(become-root|user-namespace|set-uid-bit|personality|netlink|raw-socket): yes' /tmp/answer || fail "the sandbox is off"
saw "a command may: $(sed -n 's/: yes$//p' /tmp/answer | xargs)"
systemctl reload hookbell || fail "systemctl reload fails"
systemctl restart hookbell
answers 202 "/hooks/bell?msg=$check"
systemctl stop hookbell
is Result success || fail "it ended with $(property Result)"

begins credential
drop_in hookbell.service credentials <<<$'[Service]\nLoadCredential=caller:/etc/hookbell/credentials/caller'
sed -i 's|{ "file": "/etc/hookbell/credentials/caller" }|{ "credential": "caller" }|' /etc/hookbell/hooks.json
if systemctl start hookbell 2>/dev/null; then
    # systemd 252 can't; a later one may.
    answers 202 "/hooks/secret?msg=$check" -H "X-Hook-Token: the caller's"
    saw "LoadCredential= works"
    return
fi
until_ok logged "status=243/CREDENTIALS" || fail "it fails for another reason than lxc.conf says"
saw "LoadCredential= can't be had: $(journalctl -u hookbell -o cat --since "$since" | grep -m1 243/CREDENTIALS)"
