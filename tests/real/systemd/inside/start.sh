# READY, credentials, the journal.
# shellcheck shell=bash disable=SC2154 # lib.sh and checks set those

begins start
# The port answers as soon as systemctl says that it has started, each time.
for _ in 1 2 3 4 5; do
    systemctl stop hookbell
    systemctl start hookbell || fail "it does not start"
    answers 202 "/hooks/bell?msg=$check"
done
saw "5 starts, each answered at once; $(property StatusText)"

begins credential
answers 202 "/hooks/secret?msg=$check" -H "X-Hook-Token: the caller's"
answers 403 "/hooks/secret?msg=$check" -H "X-Hook-Token: another's"
! logged "the caller's" || fail "the token stands in the journal"
saw "root's file of mode $(stat -c %a /etc/hookbell/credentials/caller) is the token, and stands in no log"

begins journal
answers 500 /hooks/no-program
answers 202 "/hooks/bell?msg=$check-fine"
until_ok logged "$check-fine" -p info || fail "a bell is no line"
! logged "$check-fine" -p notice || fail "what is fine has the priority of a warning"
logged /no/such/program -p err || fail "a command that can't run is no error"
answers 401 "/hooks/secret?msg=$check"
logged "hook=secret" -p warning..warning || fail "a call that is refused is no warning"
saw "err: $(journalctl -u hookbell -o cat --since "$since" -p err | head -1)"
