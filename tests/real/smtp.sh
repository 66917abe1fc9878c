# Mail by Debian's OpenSMTPD: STARTTLS by an authority of our own, a password, greylisting, an unknown recipient, a server that
# is away. It insists on its folders below /var and /run, so it gets them in a mount namespace of its own. Sourced by run.
mkdir "$work/smtp"
cd "$work/smtp"
chmod 755 "$work" "$work/smtp"
mail_port=$(free_port)

openssl req -x509 -newkey rsa:2048 -noenc -days 2 -subj "/CN=test authority" \
    -keyout ca.key -out ca.pem 2>/dev/null || fail "openssl makes no authority"
openssl req -newkey rsa:2048 -noenc -subj "/CN=localhost" -keyout mail.key -out mail.csr 2>/dev/null
openssl x509 -req -in mail.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out mail.pem \
    -extfile <(echo "subjectAltName = DNS:localhost") 2>/dev/null || fail "openssl makes no certificate"
chmod 600 mail.key

# Who comes for the first time is to come again.
cat >grey <<'EOF'
#!/usr/bin/env bash
seen=0
while IFS= read -r line; do
    case $line in
    "config|ready") printf 'register|filter|smtp-in|rcpt-to\nregister|ready\n' ;;
    "filter|"*)
        IFS='|' read -r _ _ _ _ _ session token address <<<"$line"
        if [[ $address == *grey@* ]] && ((seen++ == 0)); then
            printf 'filter-result|%s|%s|reject|451 4.7.1 Greylisted, come again\n' "$session" "$token"
        else
            printf 'filter-result|%s|%s|proceed\n' "$session" "$token"
        fi
        ;;
    esac
done
EOF
chmod 755 grey
mkdir mail
chown nobody mail
printf 'bell %s\n' "$(openssl passwd -6 'pass word')" >logins
cat >smtpd.conf <<EOF
pki bell cert "$PWD/mail.pem"
pki bell key "$PWD/mail.key"
table logins file:$PWD/logins
table people { "ivan@example.org" = "nobody", "grey@example.org" = "nobody" }
table users { "nobody" = "65534:65534:$PWD/mail" }
filter grey proc-exec "$PWD/grey"
listen on 127.0.0.1 port $mail_port tls-require pki bell auth <logins> filter grey
listen on socket filter grey
action keep maildir "$PWD/mail/%{rcpt.user}" virtual <people> userbase <users>
match auth from any for domain "example.org" action keep
EOF
serve_mail() {
    # shellcheck disable=SC2016
    unshare --mount --propagation private bash -c '
        mount -t tmpfs none /var/spool && mount -t tmpfs none /run && mkdir -m 711 /var/spool/smtpd && exec smtpd -d -f "$1"
    ' - "$PWD/smtpd.conf" >>smtpd.log 2>&1 &
    mail_server=$!
    pids+=("$mail_server")
    until_ok grep -q "smtp-in\|info: OpenSMTPD" smtpd.log || fail "smtpd does not start: $(cat smtpd.log)"
    until_ok eval "exec 3<>/dev/tcp/127.0.0.1/$mail_port" || fail "smtpd does not listen: $(cat smtpd.log)"
}
stop_mail() {
    kill -TERM "$mail_server"
    wait "$mail_server" || true
}
serve_mail

account='"provider": "smtp", "server": "smtp://localhost:'$mail_port'", "ca-file": "ca.pem", "from": "Сервер db1 <bell@example.org>", "username": "bell"'
cat >hooks.json <<EOF
{
  "defaults": { "on-failure": { "to": "ivan", "via": "mail" } },
  "accounts": {
    "mail": { $account, "password": { "file": "password" } },
    "wrong": { $account, "password": "guessed" },
    "stranger": { "provider": "smtp", "server": "smtp://localhost:$mail_port", "from": "bell@example.org" },
    "desk": { "provider": "console" }
  },
  "contacts": {
    "ivan": { "email": "ivan@example.org" },
    "grey": { "email": "grey@example.org" },
    "gone": { "email": "gone@example.org" }
  },
  "hooks": [
    { "id": "disk", "send": { "to": "ivan", "via": "mail", "title": { "source": "payload", "name": "title" },
        "thread": { "source": "payload", "name": "event" }, "priority": { "source": "payload", "name": "severity", "map": { "disaster": "high" } } } },
    { "id": "grey", "send": { "to": "grey", "via": "mail" } },
    { "id": "gone", "send": { "to": "gone", "via": ["mail", "desk"] } },
    { "id": "wrong", "send": { "to": "ivan", "via": "wrong" } },
    { "id": "stranger", "send": { "to": "ivan", "via": ["stranger", "desk"] } }
  ]
}
EOF
echo "pass word" >password
"$binary" check -strict hooks.json >check.out || fail "check: $(cat check.out)"
port=$(free_port)
url=http://127.0.0.1:$port/hooks
"$binary" -ip 127.0.0.1 -port "$port" 2>log &
pids+=($!)
bell=$!
until_ok curl -s -o /dev/null "http://127.0.0.1:$port/" || fail "the daemon does not answer: $(cat log)"

# Waits for the mail of $1 that has $2 in its text or subject, and yields its file.
mail_like() {
    python3 "$here/mail.py" find "mail/$1" "$2" || fail "no mail for $1 with: $2"$'\n'"$(cat log)"$'\n'"$(cat smtpd.log)"
}
# What a mail says in a header, or as `text`.
field() { python3 "$here/mail.py" show "$1" "$2"; }
is() {
    local found
    found=$(field "$2" "$3")
    [[ $found == "$4" ]] || fail "$1: $3 is »$found« instead of »$4«: $(cat "$2")"
    pass
}
rings() { curl -fsS -o answer "$@" || fail "$*: $(cat answer log)"; }

text=$'Диск полон 🔔 на db1\n.\n..две точки\n'$(printf 'длинная строка %.0s' {1..200})$'\nконец'
rings --data-urlencode "msg=$text" --data-urlencode "title=ПРОБЛЕМА: диск 🔥" -d event=17 -d severity=disaster "$url/disk"
problem=$(mail_like ivan "ПРОБЛЕМА: диск 🔥")
is "a mail" "$problem" text "$text"
is "a mail" "$problem" Subject "ПРОБЛЕМА: диск 🔥"
is "a mail" "$problem" From "Сервер db1 <bell@example.org>"
is "a mail" "$problem" To "ivan@example.org"
is "a mail" "$problem" Auto-Submitted "auto-generated"
is "a mail" "$problem" Importance "high"
id=$(sed 's/queued \([^ ]*\).*/\1/' answer)
[[ $(field "$problem" Message-ID) == "<$id-"*"@example.org>" ]] || fail "Message-ID: $(field "$problem" Message-ID)"
[[ $(field "$problem" Received) == *TLS* ]] || fail "it came unencrypted: $(cat "$problem")"

rings --data-urlencode "msg=Всё хорошо" --data-urlencode "title=OK: диск" -d event=17 "$url/disk"
end=$(mail_like ivan "OK: диск")
is "the end" "$end" References "$(field "$problem" References)"
is "the end" "$end" In-Reply-To "$(field "$problem" References)"
[[ $(field "$problem" References) == "<thread-"* ]] || fail "no thread: $(cat "$problem")"
rings --data-urlencode "msg=без заголовка"$'\n'"вторая" -d event=18 "$url/disk"
other=$(mail_like ivan "без заголовка")
is "no title" "$other" Subject "без заголовка"
[[ $(field "$other" References) != "$(field "$problem" References)" ]] || fail "another event is of the same thread"
connections=$(grep -c "smtp connected" smtpd.log)
[[ $connections -le 2 ]] || fail "$connections connections for three mails"
pass

rings -d msg=later "$url/grey"
mail_like grey later >/dev/null
grep -q "Greylisted" log || fail "it was not greylisted: $(cat log)"
pass

rings -d msg=elsewhere "$url/gone"
until_ok grep -q "🔔 gone.*elsewhere" log || fail "an unknown recipient: no bell rang by the next way: $(cat log)"
grep -q "account=mail class=\"recipient\"" log || grep -q "class=.*recipient.*refused at RCPT TO: 550" log || fail "no refusal of the recipient: $(cat log)"
pass

rings -d msg=lost "$url/wrong"
alarm=$(mail_like ivan "the account wrong is out of order")
field "$alarm" text | grep -q "refused at AUTH: 535" || fail "on-failure: $(cat "$alarm")"
pass

# A certificate of an authority that the account does not trust.
rings -d msg=unsafe "$url/stranger"
until_ok grep -q "🔔 ivan.*unsafe" log || fail "an untrusted certificate: no bell rang by the next way: $(cat log)"
grep -q 'UnknownIssuer.*set "ca-file"' log || fail "no word of the certificate: $(cat log)"
pass

stop_mail
rings -d msg=patience "$url/disk"
until_ok grep -q "can't reach localhost:$mail_port" log || fail "a server that is away: $(cat log)"
serve_mail
mail_like ivan patience >/dev/null
pass

! grep -qF "pass word" log || fail "the password stands in the log"
kill -TERM "$bell"
wait "$bell" || fail "SIGTERM: it ended with $?: $(cat log)"
stop_mail
pass
