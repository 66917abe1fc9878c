#!/bin/sh
# Installs hookbell from the folder that this file lies in, and starts it. Again: it brings the program up to date.
#   ./install.sh [--prefix FOLDER] [--dry-run]
#   ./install.sh --uninstall [--purge] [--prefix FOLDER] [--dry-run]
# --prefix     where program, man page and completions go: /usr/local, if not said
# --uninstall  take all that away; /etc/hookbell and /var/lib/hookbell stay
# --purge      with --uninstall: take them away, too, and the user hookbell
# --dry-run    only print what would be done
# It is for sh, not bash, for small systems have no other. On Debian and Ubuntu the package is the better way.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
prefix=/usr/local dry='' uninstall='' purge=''
# What of systemd's belongs to the administrator is in /etc; this is beside it.
units=/usr/local/lib/systemd/system
config=/etc/hookbell state=/var/lib/hookbell

say() { printf '%s\n' "$*"; }
fail() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 1
}
run() {
    if [ -n "$dry" ]; then say "$*"; else "$@"; fi
}

while [ $# -gt 0 ]; do
    case $1 in
        --prefix)
            [ $# -gt 1 ] || fail "--prefix needs a folder"
            prefix=${2%/}
            shift
            ;;
        --prefix=*) prefix=${1#*=} ;;
        --uninstall) uninstall=1 ;;
        --purge) purge=1 ;;
        --dry-run) dry=1 ;;
        -h | --help)
            sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
            exit
            ;;
        *) fail "what is $1? ./install.sh --help" ;;
    esac
    shift
done
case $prefix in
    /*) ;;
    *) fail "--prefix must begin with a slash: $prefix" ;;
esac
[ -z "$purge" ] || [ -n "$uninstall" ] || fail "--purge goes with --uninstall"
[ -n "$dry" ] || [ "$(id -u)" = 0 ] || fail "please run this as root (--dry-run shows what it would do)"
[ ! -e /var/lib/dpkg/info/hookbell.list ] || [ ! -e /usr/bin/hookbell ] ||
    fail "the Debian package is installed; remove it first: apt-get remove hookbell"

# What there is to start the service with: running, offline (installed, but not running: a chroot), openrc or none.
supervisor() {
    if [ -d /run/systemd/system ]; then
        echo running
    elif command -v systemctl >/dev/null; then
        echo offline
    elif command -v openrc-run >/dev/null || [ -x /sbin/openrc-run ]; then
        echo openrc
    else
        echo none
    fi
}

# Every file but the units: where from, where to, mode.
files() {
    cat <<END
hookbell bin/hookbell 755
hookbell.1.gz share/man/man1/hookbell.1.gz 644
hookbell.bash share/bash-completion/completions/hookbell 644
hookbell.zsh share/zsh/site-functions/_hookbell 644
hookbell.fish share/fish/vendor_completions.d/hookbell.fish 644
without-namespaces lib/hookbell/without-namespaces 755
README.md share/doc/hookbell/README.md 644
LICENSE share/doc/hookbell/LICENSE 644
linked-in share/doc/hookbell/linked-in 644
END
    # Drop-ins to choose from.
    for drop_in in "$here"/systemd/*.conf; do
        echo "systemd/${drop_in##*/} lib/hookbell/${drop_in##*/} 644"
    done
}

# put MODE FILE TARGET: by a name of its own first, so that a running program is replaced and not written into.
put() {
    run mkdir -p "$(dirname "$3")"
    run cp "$2" "$3.new"
    run chmod "$1" "$3.new"
    run mv -f "$3.new" "$3"
}

user() {
    ! getent passwd hookbell >/dev/null 2>&1 && ! grep -q '^hookbell:' /etc/passwd || return 0
    if command -v useradd >/dev/null; then
        run useradd --system --user-group --home-dir "$state" --no-create-home --shell /usr/sbin/nologin hookbell
    else
        run addgroup -S hookbell
        run adduser -S -D -H -h "$state" -s /sbin/nologin -G hookbell hookbell
    fi
}

service_files() {
    put 644 "$here/systemd/hookbell.socket" "$units/hookbell.socket"
    put 644 "$here/units/loopback.conf" "$units/hookbell.socket.d/loopback.conf"
    put 644 "$here/units/user.conf" "$units/hookbell.service.d/user.conf"
    if [ -n "$dry" ]; then
        say "put $units/hookbell.service, for $prefix/bin/hookbell"
    else
        sed "s|/usr/bin/hookbell|$prefix/bin/hookbell|" "$here/systemd/hookbell.service" >"$units/hookbell.service.new"
        chmod 644 "$units/hookbell.service.new"
        mv -f "$units/hookbell.service.new" "$units/hookbell.service"
    fi
    for unit in hookbell.service hookbell.socket; do
        [ ! -f "/etc/systemd/system/$unit" ] || [ -L "/etc/systemd/system/$unit" ] ||
            say "note: /etc/systemd/system/$unit, from an installation by hand, is used instead of $units/$unit"
    done
}

by_hand() {
    say "There is no systemd here. The program runs in the foreground, and ends on SIGTERM:"
    say "    mkdir -p $state && chown hookbell:hookbell $state"
    if [ "$1" = openrc ]; then
        say "For OpenRC put this into /etc/init.d/hookbell, make it executable, then: rc-update add hookbell; rc-service hookbell start"
        cat <<END
    #!/sbin/openrc-run
    supervisor=supervise-daemon
    command=$prefix/bin/hookbell
    command_args="-hooks $config/hooks.json -state-dir $state -ip 127.0.0.1"
    command_user=hookbell:hookbell
    depend() { need net; }
    reload() { supervise-daemon hookbell --signal HUP; }
END
    else
        say "Let whatever supervises programs here run this, as the user hookbell:"
        say "    $prefix/bin/hookbell -hooks $config/hooks.json -state-dir $state -ip 127.0.0.1"
    fi
}

start() {
    case $1 in
        running)
            run systemctl daemon-reload
            run systemctl --quiet enable hookbell.socket hookbell.service
            # Not restarted: calls wait in it while the service is.
            run systemctl start hookbell.socket
            if [ -n "$dry" ]; then
                say "systemctl restart hookbell.service; where that fails with 226/NAMESPACE: $prefix/lib/hookbell/without-namespaces"
            elif ! systemctl restart hookbell.service; then
                "$prefix/lib/hookbell/without-namespaces" || fail "it does not start: journalctl -u hookbell"
            fi
            say "hookbell runs. Ring: curl -G -d msg=hello http://localhost:9000/hooks/wp-admin; journalctl -u hookbell"
            ;;
        offline)
            run systemctl --quiet enable hookbell.socket hookbell.service
            say "hookbell starts with the system. If it fails with status=226/NAMESPACE there: $prefix/lib/hookbell/without-namespaces"
            ;;
        *) by_hand "$1" ;;
    esac
}

install_all() {
    [ -x "$here/hookbell" ] || fail "the program is not beside this file: $here/hookbell"
    "$here/hookbell" -version >/dev/null 2>&1 ||
        fail "this program does not run here; the one that is linked statically (…-musl) may"
    user
    files | while read -r from to mode; do put "$mode" "$here/$from" "$prefix/$to"; done
    run mkdir -p "$config"
    if [ ! -e "$config/hooks.json" ]; then
        run cp "$here/hooks.json" "$config/hooks.json"
        # Tokens may stand in it.
        run chgrp hookbell "$config/hooks.json"
        run chmod 640 "$config/hooks.json"
    fi
    how=$(supervisor)
    case $how in running | offline) service_files ;; esac
    start "$how"
}

# Folders that are empty now, each with those around it. The system's own stay.
tidy() {
    [ -z "$dry" ] || return 0
    for folder in "$@"; do
        while :; do
            case $folder in
                / | /etc/systemd/system | /usr | /usr/local | /usr/local/bin | /usr/local/lib | /usr/local/share | \
                    /usr/local/share/man) break ;;
            esac
            rmdir "$folder" 2>/dev/null || break
            folder=$(dirname "$folder")
        done
    done
}

uninstall_all() {
    how=$(supervisor)
    if [ "$how" = running ]; then
        # The socket first, or a call would start the service again.
        run systemctl stop hookbell.socket hookbell.service || true
    fi
    case $how in running | offline) run systemctl --quiet disable hookbell.socket hookbell.service || true ;; esac
    files | while read -r _ to _; do
        run rm -f "$prefix/$to"
        tidy "$(dirname "$prefix/$to")"
    done
    run rm -f "$units/hookbell.service" "$units/hookbell.service.d/user.conf" \
        "$units/hookbell.socket" "$units/hookbell.socket.d/loopback.conf"
    drop_ins=/etc/systemd/system/hookbell.service.d
    [ ! -L "$drop_ins/lxc.conf" ] || run rm -f "$drop_ins/lxc.conf"
    tidy "$drop_ins" "$units/hookbell.service.d" "$units/hookbell.socket.d"
    [ "$how" != running ] || run systemctl daemon-reload
    if [ -n "$purge" ]; then
        run rm -rf "$config" "$state" /var/lib/private/hookbell
        if command -v userdel >/dev/null; then
            run userdel hookbell 2>/dev/null || true
            ! grep -q '^hookbell:' /etc/group || run groupdel hookbell || true
        else
            run deluser hookbell || true
            ! grep -q '^hookbell:' /etc/group || run delgroup hookbell || true
        fi
    else
        say "kept: $config and $state (--uninstall --purge removes them)"
    fi
}

if [ -n "$uninstall" ]; then uninstall_all; else install_all; fi
