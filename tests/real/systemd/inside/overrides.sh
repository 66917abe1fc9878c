# The drop-ins beside the units, each installed as it says.
# shellcheck shell=bash disable=SC2154 # lib.sh and checks set those

# with FILE…: from now on, beside credentials.
with() {
    local file
    for file in "$drop_ins"/*; do [[ $file == */credentials.conf ]] || rm "$file"; done
    for file in "$@"; do install -m 644 "$here/units/$file" "$drop_ins"/; done
    systemctl daemon-reload
    systemctl restart hookbell || fail "with $* it does not start"
}
# may NAMES: a command may do this, and what each may.
may() { [[ $(allowed) == "$*" ]] || fail "a command may: $(allowed)"; }
systemctl stop hookbell.socket 2>/dev/null

begins folders.conf
with folders.conf
may write-srv read-home own-tmp state network
saw "a command may: $(allowed)"

begins user.conf
useradd --system --shell /usr/sbin/nologin deploy
token=$(hookbell token caller 2>/dev/null)
with user.conf
[[ $(stat -Lc %U "$state") == deploy ]] || fail "the state is of $(stat -Lc %U "$state")"
answers 202 "/hooks/generated?msg=$check" -H "X-Hook-Token: $token"
may own-tmp state network
with
answers 202 "/hooks/generated?msg=$check" -H "X-Hook-Token: $token"
saw "the state follows to another user and back, the sandbox stays"

begins docker.conf
groupadd --system docker
# shellcheck disable=SC2016
systemd-run --quiet --unit docker perl -MIO::Socket::UNIX -e 'my $l = IO::Socket::UNIX->new(Local => "/run/docker.sock", Listen => 5);
    chown 0, scalar(getgrnam "docker"), "/run/docker.sock"; chmod 0660, "/run/docker.sock";
    while (my $c = $l->accept) { $c->getline; print $c "HTTP/1.0 200 OK\r\n\r\n"; close $c }'
until_ok eval '[ "$(stat -c %G%a /run/docker.sock)" = docker660 ]' || fail "the test has no docker"
may own-tmp state network
with docker.conf
may docker own-tmp state network
saw "a command may: $(allowed)"

begins network-tools.conf
with network-tools.conf
may netlink raw-socket own-tmp state network
saw "a command may: $(allowed)"

begins commands-stay.conf
with commands-stay.conf
drop_in hookbell.service drain <<<$'[Service]\nEnvironment=HOOKBELL_DRAIN=1s'
systemctl restart hookbell
answers 200 "/hooks/later?name=$check&seconds=10"
until_ok test -e "$state/$check.begun" || fail "the command does not begin"
systemctl restart hookbell
[[ ! -e "$state/$check.done" ]] || fail "it was waited for"
until_ok test -e "$state/$check.done" || fail "it was killed"
saw "a command goes on over a restart"

begins proxy.conf
with proxy.conf
answers 200 /hooks/env
grep -q '^HTTPS_PROXY=http://proxy.example.org:3128$' /tmp/answer || fail "no proxy: $(cat /tmp/answer)"
saw "commands, and accounts without a proxy of their own: $(grep HTTPS /tmp/answer)"

begins port.conf
with
systemctl stop hookbell
mkdir /etc/systemd/system/hookbell.socket.d
cp "$here/units/port.conf" /etc/systemd/system/hookbell.socket.d/
systemctl daemon-reload
systemctl restart hookbell.socket
url=http://localhost answers 202 "/hooks/bell?msg=$check"
saw "$(property StatusText)"
systemctl stop hookbell.socket hookbell
rm -r /etc/systemd/system/hookbell.socket.d

begins sudo.conf
useradd --system --no-create-home --shell /usr/sbin/nologin hookbell
with sudo.conf
may devices become-root user-namespace set-uid-bit personality netlink own-tmp state network
saw "a command may: $(allowed)"

begins notify-reload
if (($(systemctl --version | sed -n '1s/systemd \([0-9]*\).*/\1/p') < 253)); then
    saw "skipped: systemd 253 brings it"
else
    with notify-reload.conf
    with_hook waited-for
    systemctl reload hookbell || fail "systemctl reload fails"
    answers 200 /hooks/waited-for
    saw "the new hook answers as soon as systemctl reload returns"
fi
