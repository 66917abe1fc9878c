# Mail by Exim, Debian's own server: STARTTLS by an authority of our own, a password, greylisting, an unknown recipient, a
# server that is away. Debian's OpenSMTPD won't do: under OpenSSL 3 its STARTTLS is broken (OpenSMTPD #1171). Sourced by run.
mkdir "$work/smtp"
cd "$work/smtp" || exit
chmod 755 "$work" "$work/smtp"
mail_port=$(free_port)

openssl req -x509 -newkey rsa:2048 -noenc -days 2 -subj "/CN=test authority" \
    -keyout ca.key -out ca.pem 2>/dev/null || fail "openssl makes no authority"
openssl req -newkey rsa:2048 -noenc -subj "/CN=localhost" -keyout mail.key -out mail.csr 2>/dev/null
openssl x509 -req -in mail.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out mail.pem \
    -extfile <(echo "subjectAltName = DNS:localhost") 2>/dev/null || fail "openssl makes no certificate"
chmod 600 mail.key


mkdir spool mail
chown Debian-exim spool mail mail.key
echo "bell: $(openssl passwd -6 'pass word')" >logins
# What comes with another configuration than its own, Exim delivers without root's rights: it needs none here.
cat >exim.conf <<EOF
primary_hostname = localhost
spool_directory = $PWD/spool
log_file_path = $PWD/spool/log-%s
pid_file_path = $PWD/spool/pid
exim_user = Debian-exim
exim_group = Debian-exim
local_interfaces = 127.0.0.1
daemon_smtp_ports = $mail_port
deliver_drop_privilege = true
host_lookup =
tls_advertise_hosts = *
tls_certificate = $PWD/mail.pem
tls_privatekey = $PWD/mail.key
auth_advertise_hosts = \${if eq{\$tls_in_cipher}{}{}{*}}
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
never_users =
keep_environment =

begin acl
rcpt:
  deny    message = 5.7.1 not before AUTH: authenticate first
          !authenticated = *
  # Who comes for the first time is to come again.
  defer   message = 4.7.1 Greylisted, come again
          local_parts = grey
          condition = \${if !exists{$PWD/spool/greeted}}
          continue = \${run{/usr/bin/touch $PWD/spool/greeted}}
          logwrite = greylisted
  deny    message = 5.1.1 nobody of that name
          !local_parts = ivan : grey
  accept

begin routers
people:
  driver = accept
  local_parts = ivan : grey
  transport = keep

begin transports
keep:
  driver = appendfile
  directory = $PWD/mail/\$local_part_data
  maildir_format
  delivery_date_add
  user = Debian-exim

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if crypteq{\$auth3}{\${lookup{\$auth2}lsearch{$PWD/logins}{\$value}{*}}}}
  server_set_id = \$auth2
EOF
serve_mail() {
    # In a session of its own, so that those who hold its connections can be ended with it.
    setsid exim4 -C "$PWD/exim.conf" -bdf -q1m -v >>exim.log 2>&1 &
    mail_server=$!
    pids+=("$mail_server")
    until_ok eval "exec 3<>/dev/tcp/127.0.0.1/$mail_port" || fail "exim does not listen: $(cat exim.log spool/log-*)"
}
stop_mail() {
    kill -KILL -- "-$mail_server"
    wait "$mail_server" 2>/dev/null || true
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
    python3 "$here/mail.py" find "mail/$1" "$2" || fail "no mail for $1 with: $2"$'\n'"$(cat log)"$'\n'"$(cat spool/log-*)"
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
[[ $(grep -c "SMTP connection from" spool/log-main) -le 2 ]] || fail "more than one connection for three mails: $(cat spool/log-main)"
pass

rings -d msg=later "$url/grey"
mail_like grey later >/dev/null
grep -q "Greylisted" log || fail "it was not greylisted: $(cat log)"
pass

rings -d msg=elsewhere "$url/gone"
until_ok grep -q "🔔 gone.*elsewhere" log || fail "an unknown recipient: no bell rang by the next way: $(cat log)"
grep -q "refused at RCPT TO: 550 5.1.1.*class=recipient" log || fail "no refusal of the recipient: $(cat log)"
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
